import { HttpClientError } from './errors.js';
import type { HeaderMap } from './lines.js';
import type { Outgoing } from './outgoing.js';
import { pathOf, targetOf, type Target } from './target.js';

/** What is asked for, as far as a redirect changes it. */
export interface Request {
  method: string;
  target: Target;
  headers: HeaderMap;
  body: Outgoing | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Of a body that is not sent any more. */
const OF_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length', 'trailer'];
/** What another server must not be told. */
const SECRETS = ['authorization', 'cookie', 'proxy-authorization', 'host'];

export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

/**
 * The request that follows a redirect, by the standard of `fetch` ("HTTP-redirect fetch").
 *
 * @throws HttpClientError (`ERR_HTTP_CLIENT_REDIRECT`)
 */
export function redirected(request: Request, status: number, location: string): Request {
  const { method, target, body } = request;
  let next: Target;
  try {
    // Values of headers are Latin-1; a URL with bytes beyond ASCII is UTF-8 in practice.
    next = targetBehind(target, Buffer.from(location, 'latin1').toString('utf8'));
  } catch (cause) {
    throw new HttpClientError('ERR_HTTP_CLIENT_REDIRECT', `${target.href} redirects to ${JSON.stringify(location)}`, { cause });
  }
  const headers: HeaderMap = new Map(request.headers);
  if (next.origin.key !== target.origin.key) for (const name of SECRETS) headers.delete(name);
  const becomesGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  if (becomesGet) {
    for (const name of OF_BODY) headers.delete(name);
    return { method: 'GET', target: next, headers, body: undefined };
  }
  if (body && !body.replayable) {
    throw new HttpClientError('ERR_HTTP_CLIENT_REDIRECT', `${target.href} redirects a request whose body cannot be sent again`);
  }
  return { method, target: next, headers, body };
}

/** Never a Unix socket: a server on the network could have the client ask those of this machine. */
function targetBehind(target: Target, location: string): Target {
  const { origin } = target;
  if (origin.socketPath === undefined) {
    const url = new URL(location, target.href);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`the protocol ${url.protocol}`);
    return targetOf(url);
  }
  // What is behind the socket counts as one server, which may name itself or not.
  const base = `http://${origin.authority}`;
  const url = new URL(location, base + target.path);
  if (url.origin !== base) throw new TypeError('a redirect from a Unix socket to the network');
  return pathOf(origin, url.pathname + url.search);
}
