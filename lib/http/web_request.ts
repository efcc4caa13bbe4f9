import { toWeb } from '../stream/web.js';
import { HttpError } from './errors.js';
import type { Request } from './request.js';

/** Methods that a `Request` of `fetch` refuses. */
const NOT_IN_FETCH: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);
/** Methods whose `Request` must not have a body; a client may send one all the same, which is then discarded. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** The target, which is usually a path, with the scheme and the host that the client has asked. */
function urlOf(request: Request): string {
  const { target } = request;
  if (!target.startsWith('/') && target !== '*') return target;
  const scheme = request.tls ? 'https' : 'http';
  return `${scheme}://${request.headers.get('host') || 'localhost'}${target === '*' ? '' : target}`;
}

/** The `Request` of `fetch` that says the same; see Request.toWeb. */
export function webRequestOf(request: Request): globalThis.Request {
  const { method } = request;
  if (NOT_IN_FETCH.has(method.toUpperCase())) throw new HttpError(501, `fetch has no method ${method}`, { code: 'ERR_HTTP_METHOD' });
  const url = urlOf(request);
  if (!URL.canParse(url)) throw new HttpError(400, 'target and host are no URL', { code: 'ERR_HTTP_INVALID_TARGET' });
  const hasBody = request.hasBody && !BODILESS.has(method);
  return new globalThis.Request(url, {
    method,
    headers: [...request.headers],
    signal: request.signal,
    // Without `duplex` it refuses a stream.
    ...(hasBody && { body: toWeb(request.chunks()), duplex: 'half' as const }),
  });
}
