import { createHash } from 'node:crypto';

import { invalidValue } from '../internal/arguments.js';

/** RFC 6455, section 1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Sixteen bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** The value of Sec-WebSocket-Accept. */
export function acceptKey(key: string): string {
  return createHash('sha1').update(key + KEY_SUFFIX).digest('base64');
}

export function isKey(key: string | undefined): key is string {
  return key !== undefined && KEY.test(key);
}

/** The elements of a list in a header. */
export function listIn(header: string | undefined): string[] {
  return header === undefined ? [] : header.split(',').map((element) => element.trim()).filter((element) => element !== '');
}

/** Whether the list in a header has `token`, in any case. */
export function hasToken(header: string | undefined, token: string): boolean {
  return listIn(header).some((element) => element.toLowerCase() === token);
}

/** Names of subprotocols, checked. */
export function protocolsOf(name: string, given: readonly string[]): readonly string[] {
  const all = [...given];
  if (all.some((protocol) => typeof protocol !== 'string' || !TOKEN.test(protocol)) || new Set(all).size !== all.length) {
    throw invalidValue(name, 'a list of different tokens', given);
  }
  return all;
}
