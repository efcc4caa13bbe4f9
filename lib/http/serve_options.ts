import type { TlsServerOptions } from '../tls/terms.js';
import type { Http2Options } from './http2/settings.js';
import type { Limits, Shedding } from './limits.js';
import type { ProxyProtocolOptions } from './proxy_protocol.js';
import type { TrustProxyOptions } from './trust_proxy.js';
import type { Request } from './request.js';

/** The options of {@link serve}. */
export interface ServeOptions {
  /** Default 0: a free port, which is `server.port`. */
  port?: number;
  /** A numeric address or `localhost`, which is 127.0.0.1. Default: every address of the machine. */
  host?: string;
  /** Listens on a Unix socket instead. `close` removes its file, unless another file has taken its place. */
  path?: string;
  /** Connections that may wait to be accepted. Default 511. */
  backlog?: number;
  /** Lets several processes or threads listen on the port; the kernel spreads connections over them. Default false. */
  reusePort?: boolean;
  /** Limits on clients: sizes and times. */
  limits?: Limits;
  /** A listening descriptor inherited from another process; instead of port, host and path. */
  fd?: number;
  /** The most connections at the same time; more wait in the backlog. Default: no limit. */
  maxConnections?: number;
  /** While this many coroutines of any kind are alive, no connection is accepted. Default: no limit. */
  maxCoroutines?: number;
  /** Refuses requests with 503 when more arrive than can be answered in time. Default false. */
  shed?: boolean | Shedding;
  /**
   * Speaks HTTPS, with the options of `listen` of `stackful/tls`. `ALPNProtocols` is `['http/1.1']`, or `['h2', 'http/1.1']`
   * with `http2`; a handshake may take 30 seconds.
   */
  tls?: TlsServerOptions;
  /**
   * Speaks HTTP/2, too, where the client wants it: with `tls`, when both sides agree on it (ALPN); without, when the client begins
   * with it ("prior knowledge"). An object sets what a connection may use. Default false.
   */
  http2?: boolean | Http2Options;
  /**
   * With `tls`: called with the error of a handshake that has failed, and the address of its client. Default: nothing is done;
   * on the open internet many fail.
   */
  onTlsError?: (error: unknown, remoteAddress: string) => void;
  /**
   * Takes the client's address from the header with which HAProxy, nginx (`proxy_protocol`) and load balancers begin a connection: the
   * PROXY protocol, version 1 or 2. It stands before the handshake of TLS. A connection without it, or with a malformed one, is refused.
   * Everyone who can connect can claim an address: name the proxies in `from`, or let nobody else reach the port. Default false.
   */
  proxyProtocol?: boolean | ProxyProtocolOptions;
  /**
   * Which proxies are believed when they say in a header whom they pass on: then that is `request.clientAddress`. Default: none.
   */
  trustProxy?: TrustProxyOptions;
  /** Address space of each connection's stack, in bytes, as in `spawn`. */
  stackSize?: number;
  /**
   * Called with a handler's error, unless that is an `HttpError`, or the client has left; the client gets a 500, or the end of
   * the stream when the response had begun. Default: prints method, target and error, with its causes, to stderr.
   */
  onError?: (error: unknown, request: Request) => void;
}

/** Counters of a server. */
export interface ServerStats {
  /** Open now. */
  connections: number;
  /** Connections accepted so far. */
  accepted: number;
  /** Requests read so far, except those that were malformed. */
  requests: number;
  /** Requests among them that were refused because they had waited too long; see {@link ServeOptions.shed}. */
  shed: number;
  /** Bytes received so far. */
  bytesReceived: number;
  /** Bytes sent so far. */
  bytesSent: number;
}

/** Where a server listens. */
export interface ServerAddress {
  /** The numeric address. */
  address: string;
  /** The kind of address. */
  family: 'IPv4' | 'IPv6';
  /** The port, also when 0 was asked for. */
  port: number;
}

export const KNOWN_OPTIONS = [
  'port', 'host', 'path', 'backlog', 'reusePort', 'limits', 'fd', 'maxConnections', 'maxCoroutines', 'shed', 'tls', 'http2',
  'onTlsError', 'proxyProtocol', 'trustProxy', 'stackSize', 'onError',
] as const satisfies (keyof ServeOptions)[];
