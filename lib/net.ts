export { connect, type ConnectOptions } from './net/connect.js';
export { listen, Listener, type ListenOptions } from './net/listener.js';
export { readable, writable, type Readiness } from './net/readiness.js';
export { Socket, type DelimiterOptions } from './net/socket.js';
export type { EndpointOptions, SocketAddress } from './net/address.js';
export { EndOfStreamError, ReadLimitError, SocketBrokenError, SocketClosedError } from './errors.js';
