import { INTERNAL_ERROR, INVALID_DATA, PROTOCOL_ERROR, TOO_BIG } from './close_codes.js';
import { WebSocketError, type WebSocketErrorCode } from './errors.js';

type Entry = readonly [message: string, closeCode?: number, code?: WebSocketErrorCode];

/** In the order of `enum class Violation` in native/websocket/reader.h. */
const VIOLATIONS: readonly Entry[] = [
  ['nothing is wrong'],
  ['a reserved bit is set'],
  ['the opcode is reserved'],
  ['a client has to mask its frames'],
  ['a server must not mask its frames'],
  ['a control frame is fragmented'],
  ['a control frame is longer than 125 bytes'],
  ['a continuation has nothing to continue'],
  ['a message begins before the last one has ended'],
  ['a length is encoded with more bytes than it needs'],
  ['a length has its highest bit set'],
  ['the message is longer than maxMessageBytes', TOO_BIG, 'ERR_WEBSOCKET_TOO_BIG'],
  ['the text is no UTF-8', INVALID_DATA, 'ERR_WEBSOCKET_INVALID_DATA'],
  ['there is no memory for the message', INTERNAL_ERROR, 'ERR_WEBSOCKET_TOO_BIG'],
];

/** The number of one that native code does not tell. */
export const NO_MEMORY = 13;

export function violationError(violation: number): WebSocketError {
  const [message, closeCode = PROTOCOL_ERROR, code = 'ERR_WEBSOCKET_PROTOCOL'] = VIOLATIONS[violation]!;
  return new WebSocketError(code, `websocket.receive: ${message}`, closeCode);
}

export const tooBig = (): WebSocketError => violationError(11);
export const notUtf8 = (): WebSocketError => violationError(12);
