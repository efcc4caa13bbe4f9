import { stringifySetCookie, type SetCookie } from 'cookie';

import { invalidType } from '../internal/arguments.js';
import { refuseUnknown } from './known.js';

/** What a browser is told about a cookie, besides name and value. */
export interface CookieOptions {
  /** Seconds for which it is kept; 0 deletes it. Without `maxAge` and `expires` it ends with the browser's session. */
  maxAge?: number;
  /** The time until which it is kept. */
  expires?: Date;
  /** The paths for which it is sent, with those below. Default `/`. */
  path?: string;
  /** The host for which it is sent, with all hosts below. Default: only the host that has set it. */
  domain?: string;
  /** Whether scripts of the page cannot read it. Default true. */
  httpOnly?: boolean;
  /** Whether it is sent over HTTPS only. Default true; browsers count `localhost` as secure. */
  secure?: boolean;
  /** Whether it is sent when another site links here (`lax`), or also with other requests of that site (`none`). Default `lax`. */
  sameSite?: 'strict' | 'lax' | 'none';
  /** Whether each site that embeds this one has a jar of its own. Default false. */
  partitioned?: boolean;
}

const KNOWN = [
  'maxAge', 'expires', 'path', 'domain', 'httpOnly', 'secure', 'sameSite', 'partitioned',
] as const satisfies (keyof CookieOptions)[];

/**
 * The value of a `Set-Cookie` header. The cookie is for the whole site, hidden from scripts, sent over HTTPS only and not with requests
 * that other sites cause, unless `options` says otherwise. `request.cookies` has those that come back. The package `cookie` writes it.
 *
 * @param value any text; it is percent-encoded
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { serve, setCookie } from 'stackful/http';
 *
 * const server = serve((request) => ({
 *   headers: { 'Set-Cookie': setCookie('visits', String(Number(request.cookies.visits ?? 0) + 1), { maxAge: 3600 }) },
 *   body: `visit ${request.cookies.visits ?? 'the first'}`,
 * }), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`);
 * console.log(response.headers.get('set-cookie')); // visits=1; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax
 * await response.text();
 * await server.close();
 * ```
 */
export function setCookie(name: string, value: string, options: CookieOptions = {}): string {
  if (typeof value !== 'string') throw invalidType('value', 'of type string', value);
  refuseUnknown('options', options, KNOWN);
  const cookie: SetCookie = { name, value, path: '/', httpOnly: true, secure: true, sameSite: 'lax', ...options };
  try {
    return stringifySetCookie(cookie);
  } catch (cause) {
    const error = new TypeError(`the cookie ${JSON.stringify(name)}: ${(cause as Error).message}`, { cause });
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
}
