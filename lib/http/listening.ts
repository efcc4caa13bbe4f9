import { functionOf, integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { EINVAL } from '../internal/results.js';
import { socketError } from '../internal/system_errors.js';
import type { Http2Options } from './http2/settings.js';
import { givenLimits } from './limits.js';
import { httpFdAddress, httpListen, httpListenFd } from './native.js';
import type { ServeOptions, ServerAddress } from './serve_options.js';

/** Connections that may wait to be accepted. */
export const BACKLOG = 511;
const MOST_BACKLOG = 2 ** 31 - 1;

/** A descriptor that listens on a TCP port with SO_REUSEPORT, for other processes to inherit and pass as `fd`. */
export function listenFd(host: string, port: number): number {
  const fd = httpListenFd(host === 'localhost' ? '127.0.0.1' : host, port, undefined, BACKLOG, true);
  return fd >= 0 ? fd : failListen(fd, host, port);
}

/** Where it listens. */
export function addressOfFd(fd: number): ServerAddress {
  return addressFrom(httpFdAddress(fd)!);
}

export function addressFrom([address, port, ipv6]: readonly [host: string, port: number, ipv6: boolean]): ServerAddress {
  return { address, family: ipv6 ? 'IPv6' : 'IPv4', port };
}

function failListen(code: number, host: string, port: number): never {
  if (code !== EINVAL) throw socketError(code, 'listen', { address: host === '' ? '::' : host, port });
  throw Object.assign(new TypeError(`options.host must be a numeric address or localhost: ${host}`), {
    code: 'ERR_INVALID_IP_ADDRESS',
  });
}

/** Listens as `options` say; returns native's number of the server. Throws as `serve`. */
export function listen(options: ServeOptions, http2: Http2Options | undefined): number {
  const { path, backlog = BACKLOG, reusePort = false } = options;
  const port = integerIn('options.port', options.port ?? 0, 0, 65535);
  integerIn('options.backlog', backlog, 1, MOST_BACKLOG);
  if (typeof reusePort !== 'boolean') throw invalidType('options.reusePort', 'a boolean', reusePort);
  if (path !== undefined && typeof path !== 'string') throw invalidType('options.path', 'a string', path);
  const fd = options.fd === undefined ? -1 : integerIn('options.fd', options.fd, 0, 2 ** 31 - 1);
  const mostCoroutines = numberIn('options.maxCoroutines', options.maxCoroutines ?? Infinity, 1, Infinity);
  if (options.maxConnections !== undefined) numberIn('options.maxConnections', options.maxConnections, 1, Infinity);
  if (options.onError !== undefined) functionOf('options.onError', options.onError);
  if (options.host !== undefined && typeof options.host !== 'string') {
    throw invalidType('options.host', 'a string', options.host);
  }
  const host = options.host === 'localhost' ? '127.0.0.1' : (options.host ?? '');
  const limits = givenLimits(options.limits, options.shed);
  const number = httpListen(host, port, path, backlog, reusePort, fd, Math.min(mostCoroutines, 2 ** 32 - 1), limits, http2);
  if (number >= 0) return number;
  if (fd >= 0) throw socketError(number, 'listen');
  if (path !== undefined) throw socketError(number, 'listen', { address: path });
  return failListen(number, host, port);
}
