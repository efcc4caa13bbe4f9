import { isUtf8 } from 'node:buffer';

import { invalidType, outOfRange } from '../internal/arguments.js';

/** Close codes of RFC 6455, section 7.4.1, and of its registry. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
export const PROTOCOL_ERROR = 1002;
/** Never sent: the close frame had no code. */
export const NO_CODE = 1005;
/** Never sent: there was no close frame. */
export const ABNORMAL = 1006;
export const INVALID_DATA = 1007;
export const TOO_BIG = 1009;
export const INTERNAL_ERROR = 1011;
export const TRY_AGAIN_LATER = 1013;

const MOST_REASON_BYTES = 123;
const LAST_DEFINED = 1014;
const FIRST_FREE = 3000;
const LAST_FREE = 4999;

/** Whether a close frame may have it. */
function isValid(code: number): boolean {
  if (code >= FIRST_FREE && code <= LAST_FREE) return true;
  return code >= NORMAL && code <= LAST_DEFINED && code !== 1004 && code !== NO_CODE && code !== ABNORMAL;
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string): Buffer {
  if (typeof code !== 'number') throw invalidType('code', 'of type number', code);
  if (!isValid(code)) throw outOfRange('code', 'a close code that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999', code);
  if (typeof reason !== 'string') throw invalidType('reason', 'of type string', reason);
  const text = Buffer.from(reason);
  if (text.length > MOST_REASON_BYTES) throw outOfRange('reason', `at most ${String(MOST_REASON_BYTES)} bytes`, text.length);
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(code);
  text.copy(payload, 2);
  return payload;
}

/** What a close frame says, or the code that answers one that is not as it should be. */
export function parseClose(payload: Buffer): { code: number; reason: string } | { wrong: number } {
  if (payload.length === 0) return { code: NO_CODE, reason: '' };
  if (payload.length === 1) return { wrong: PROTOCOL_ERROR };
  const code = payload.readUInt16BE();
  if (!isValid(code)) return { wrong: PROTOCOL_ERROR };
  const text = payload.subarray(2);
  return isUtf8(text) ? { code, reason: text.toString() } : { wrong: INVALID_DATA };
}
