/// <reference types="node" preserve="true" />
/**
 * WebSockets (RFC 6455), with compressed messages (RFC 7692): the client, what `request.upgrade()` of `stackful/http` returns, and
 * broadcasts.
 *
 * @module stackful/websocket
 */

export { connect, type WebSocketConnectOptions } from './websocket/connect.js';
export { broadcast, Group, type BroadcastOptions } from './websocket/group.js';
export { WebSocket, type Message } from './websocket/websocket.js';
export type { Sendable, SendOptions } from './websocket/sending.js';
export type { ChooseProtocol, UpgradeOptions } from './websocket/accept.js';
export type { AllowOrigin } from './websocket/origins.js';
export type { CompressionOptions, WebSocketOptions } from './websocket/options.js';
export { WebSocketError, WebSocketHandshakeError, type WebSocketErrorCode } from './websocket/errors.js';
