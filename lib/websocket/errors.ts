import { StackfulError } from '../internal/errors.js';

/** Why a WebSocket does not go on. */
export type WebSocketErrorCode =
  | 'ERR_WEBSOCKET_BROKEN'
  | 'ERR_WEBSOCKET_CLOSED'
  | 'ERR_WEBSOCKET_INVALID_DATA'
  | 'ERR_WEBSOCKET_LOST'
  | 'ERR_WEBSOCKET_PROTOCOL'
  | 'ERR_WEBSOCKET_TIMEOUT'
  | 'ERR_WEBSOCKET_TOO_BIG';

/**
 * A WebSocket that does not go on. By `code`: `ERR_WEBSOCKET_LOST`, the connection ended without a close frame;
 * `ERR_WEBSOCKET_TIMEOUT`, the peer has not even answered a ping; `ERR_WEBSOCKET_PROTOCOL`, `ERR_WEBSOCKET_INVALID_DATA` (text that is no
 * UTF-8, or data that is not compressed as agreed) and `ERR_WEBSOCKET_TOO_BIG`, what the peer has done wrong, for which it was sent
 * `closeCode`; `ERR_WEBSOCKET_CLOSED`, the call came after the close; `ERR_WEBSOCKET_BROKEN`, an earlier call was ended in the middle of
 * a message.
 */
export class WebSocketError extends StackfulError {
  readonly code: WebSocketErrorCode;
  /** 1006 when the connection ended without a close frame, otherwise the code that was sent or received. */
  readonly closeCode: number;
  constructor(code: WebSocketErrorCode, message: string, closeCode: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.closeCode = closeCode;
  }
}

/** The server has not accepted a WebSocket, or not as RFC 6455 says. */
export class WebSocketHandshakeError extends StackfulError {
  readonly code = 'ERR_WEBSOCKET_HANDSHAKE';
  /** The status of its answer; undefined when that was no answer of HTTP. */
  readonly status: number | undefined;
  /** The headers of its answer, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  constructor(message: string, status?: number, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
