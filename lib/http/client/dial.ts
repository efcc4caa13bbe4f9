import { timeout } from '../../coroutine/timeout.js';
import { connect } from '../../net/connect.js';
import type { Socket } from '../../net/socket.js';
import { connect as connectTls } from '../../tls/connect.js';
import { TlsSocket } from '../../tls/socket.js';
import type { TlsClientOptions } from '../../tls/terms.js';
import { HttpClientError } from './errors.js';
import { DEFAULT_LIMITS } from './limits.js';
import type { Proxy } from './proxies.js';
import type { Origin } from './target.js';
import { ClientConnection } from './connection.js';
import { Http2Connection } from './http2/connection.js';
import type { Http2Terms } from './http2/options.js';

/** How connections to an origin are made. */
export interface Route {
  readonly origin: Origin;
  readonly proxy: Proxy | undefined;
  readonly tls: TlsClientOptions;
  /** The most milliseconds for all of it, handshakes included. */
  readonly connectMs: number;
  /** Absent: HTTP/1.1 alone. */
  readonly http2?: Http2Terms | undefined;
  /** Of the last connection over TLS, for the next one. */
  session: Uint8Array | undefined;
}

const PROTOCOLS = ['http/1.1'];
const BOTH_PROTOCOLS = ['h2', 'http/1.1'];

/** A new connection, over the proxy if there is one. Parks. */
export function dial(route: Route): ClientConnection | Http2Connection {
  const { origin, connectMs, http2 } = route;
  const expired = () => {
    throw new HttpClientError('ERR_HTTP_CLIENT_CONNECT_TIMEOUT', `no connection to ${origin.key} within ${String(connectMs)} ms`);
  };
  const socket = timeout(connectMs, () => socketFor(route), expired);
  return http2 && speaksHttp2(route, socket) ? new Http2Connection(socket, origin.key, http2) : new ClientConnection(socket, origin.key);
}

/** Whether connections may turn out to be for many requests at a time. */
export function mayShare({ origin, proxy, http2 }: Route): boolean {
  return http2 !== undefined && (origin.secure || (http2.priorKnowledge && !proxy));
}

/** By what the handshake has chosen, or without one by what the client was told. */
function speaksHttp2({ origin, proxy, http2 }: Route, socket: Socket): boolean {
  if (origin.secure) return socket instanceof TlsSocket && socket.alpnProtocol === 'h2';
  return http2!.priorKnowledge && !proxy;
}

function socketFor(route: Route): Socket {
  const { origin, proxy } = route;
  if (origin.socketPath !== undefined) return connect({ path: origin.socketPath });
  if (proxy) return overProxy(route, proxy);
  const where = { host: origin.hostname, port: origin.port };
  return origin.secure ? connectTls({ ...secured(route), ...where }) : connect(where);
}

function secured({ tls, session, origin, http2 }: Route): TlsClientOptions {
  return { ALPNProtocols: http2 ? BOTH_PROTOCOLS : PROTOCOLS, session, servername: origin.hostname, ...tls };
}

function overProxy(route: Route, proxy: Proxy): Socket {
  const { origin } = route;
  const where = { host: proxy.hostname, port: proxy.port };
  if (!proxy.secure) {
    const socket = connect(where);
    return origin.secure ? tunnel(route, proxy, socket) : socket;
  }
  if (origin.secure) throw new HttpClientError('ERR_HTTP_CLIENT_PROXY', 'a proxy with https: can only pass on requests with http:');
  return connectTls({ ALPNProtocols: PROTOCOLS, ...where });
}

/** TLS through a proxy that only passes bytes on. Parks. */
function tunnel(route: Route, proxy: Proxy, socket: Socket): Socket {
  const { hostname, port } = route.origin;
  const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${String(port)}`;
  try {
    const connection = new ClientConnection(socket, `the proxy ${proxy.hostname}`);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${proxy.authorization}\r\n`);
    connection.readHead(-1, DEFAULT_LIMITS);
    if (connection.status < 200 || connection.status > 299 || connection.bytes.length > connection.headLength) {
      throw new HttpClientError('ERR_HTTP_CLIENT_PROXY', `${connection.origin} answered ${String(connection.status)} to CONNECT ${authority}`);
    }
    return connectTls({ ...secured(route), socket, host: hostname });
  } catch (error) {
    socket.close();
    throw error;
  }
}
