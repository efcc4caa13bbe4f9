/// <reference types="node" preserve="true" />
/**
 * TCP, UDP and Unix sockets, whose reads and writes wait in a coroutine.
 *
 * @module stackful/net
 */

import './tls/for_net.js';

export { connect, type ConnectOptions } from './net/connect.js';
export { inheritedListeners, type InheritedListener } from './net/inherited.js';
export { notifySystemd } from './net/notify.js';
export { listen, Listener, type ListenOptions } from './net/listener.js';
export { readable, writable, type Readiness } from './net/readiness.js';
export { pipe, type PipeOptions } from './net/pipe.js';
export { Socket, type DelimiterOptions } from './net/socket.js';
export type { PacedWriteOptions } from './net/sending.js';
export { UdpSocket, type UdpMessage, type UdpOptions } from './net/udp.js';
export { Datagram, type UdpEndpoint } from './net/udp_address.js';
export type { PeerCredentials } from './net/connection.js';
export type { Passable, ReceivedDescriptors } from './net/descriptors.js';
export type { LookupFunction } from './net/host.js';
export type { ListenerOptions } from './net/listen_options.js';
export type { BlockListLike, SocketOptions } from './net/options.js';
export type { EndpointOptions, SocketAddress } from './net/address.js';
export {
  AddressBlockedError,
  DescriptorsLostError,
  EndOfStreamError,
  ReadLimitError,
  SocketBrokenError,
  SocketClosedError,
} from './net/errors.js';
