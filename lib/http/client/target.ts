import { invalidType, invalidValue } from '../../internal/arguments.js';
import { bareHost, basicCredentials } from './proxies.js';

/** Where connections go. */
export interface Origin {
  /** `http://host:port`, as for URLs; of a Unix socket with its path. It tells pools apart. */
  readonly key: string;
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Of a Unix socket. */
  readonly socketPath: string | undefined;
  /** What `Host` says. */
  readonly authority: string;
}

/** What is asked for. */
export interface Target {
  readonly origin: Origin;
  /** Path and query, as they are sent. */
  readonly path: string;
  /** Without the credentials that it may have had. */
  readonly href: string;
  /** The value of an Authorization, from those credentials. */
  readonly authorization: string | undefined;
}

const UNIX = /^unix:(\/[^:]+)(?::(\/.*)?)?$/;
/** What may not be in a request line; `new URL` escapes it, so only paths that are given without a URL are looked at. */
const NOT_IN_PATHS = /[^\x21-\x7e]|#/;

/**
 * Takes a URL apart: `http:`, `https:`, or `unix:/path/of/socket:/path`.
 *
 * @throws TypeError (`ERR_INVALID_URL`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`)
 */
export function targetOf(given: unknown, base?: string): Target {
  if (typeof given !== 'string' && !(given instanceof URL)) throw invalidType('url', 'a string or an instance of URL', given);
  const text = String(given);
  const unix = UNIX.exec(text);
  if (unix) return { ...pathOf(originOfSocket(unix[1]!), unix[2] ?? '/'), href: text };
  const url = given instanceof URL ? given : new URL(given, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalidValue('url', 'with http:, https: or unix:', text);
  }
  const secure = url.protocol === 'https:';
  const origin: Origin = {
    key: url.origin,
    secure,
    hostname: bareHost(url.hostname),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    socketPath: undefined,
    authority: url.host,
  };
  const path = url.pathname + url.search;
  return { origin, path, href: url.origin + path + url.hash, authorization: basicCredentials(url) };
}

/** A path on an origin that is known. @throws TypeError (`ERR_INVALID_ARG_VALUE`) */
export function pathOf(origin: Origin, path: string): Target {
  if (!path.startsWith('/') || NOT_IN_PATHS.test(path)) {
    throw invalidValue('path', 'a path, escaped, that begins with a slash', path);
  }
  return { origin, path, href: origin.key + path, authorization: undefined };
}

export function originOfSocket(socketPath: string, authority = 'localhost'): Origin {
  return { key: `unix:${socketPath}:`, secure: false, hostname: 'localhost', port: 0, socketPath, authority };
}
