import { functionOf } from '../internal/arguments.js';
import type { Handler } from './exchange.js';
import { encodeParts, encodeWhole, type Encoding } from './encoders.js';
import { refuseUnknown } from './known.js';
import { COMPRESS_OPTIONS, isCompressible, Negotiation, type CompressOptions } from './negotiated.js';
import { headerOf, replyOf, responseOf, type Reply } from './reply.js';
import { FileResponse, type ResponseBody } from './response.js';
import { partsIn } from './source.js';

/** For bodies that are sent once: levels that are smaller than gzip's default and cost less. */
const ONCE = { gzip: 1, br: 2, zstd: 1 } as const;
/** Statuses without a body, and one whose body is a part of another one. */
const NEVER: ReadonlySet<number> = new Set([204, 205, 206, 304]);

function isFit({ status, body, ...reply }: Reply): boolean {
  if (NEVER.has(status) || body === undefined || body === null || body instanceof FileResponse) return false;
  if (headerOf(reply, 'content-encoding') !== undefined || !isCompressible(headerOf(reply, 'content-type'))) return false;
  return !/(?:^|[\s,])no-transform(?:$|[\s,;])/i.test(headerOf(reply, 'cache-control') ?? '');
}

type Headers = Reply['headers'];

/** Tells caches that the response depends on what the client accepts. */
function varying(headers: Headers): Headers {
  const vary = headerOf({ headers }, 'vary');
  if (vary !== undefined && /(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i.test(vary)) return headers;
  return [...headers, ['Vary', 'Accept-Encoding']];
}

/** The headers of the compressed body. A strong tag would promise the bytes of the other one. */
function encoded(headers: Headers, encoding: Encoding): Headers {
  const kept = headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return lower !== 'content-length' && lower !== 'accept-ranges' && lower !== 'content-md5' && lower !== 'digest';
  });
  const weak = kept.map(([name, value]) =>
    [name, name.toLowerCase() === 'etag' && typeof value === 'string' && value.startsWith('"') ? `W/${value}` : value] as const);
  return [...varying(weak), ['Content-Encoding', encoding]];
}

/**
 * A handler around another one that compresses its responses for clients that accept it: texts, JSON and whatever else becomes smaller,
 * from 1 KiB on. Bodies of up to 32 KiB are compressed at once, which takes a few ten microseconds; larger ones on the thread pool;
 * bodies in parts part by part, so that each arrives when it was sent. Left as they are: responses that have a `Content-Encoding`, or
 * `Cache-Control: no-transform`, parts of files (206), and large files, for which `staticFiles` has an option of its own. A strong
 * `ETag` becomes weak; `Vary: Accept-Encoding` is added.
 *
 * Do not compress a page that holds a secret beside text of the client's choosing: its length tells of both.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { compress, serve } from 'stackful/http';
 *
 * const rows = Array.from({ length: 200 }, (_, id) => ({ id, name: `user ${id}` }));
 * const server = serve(compress(() => rows), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`, { headers: { 'Accept-Encoding': 'gzip' } });
 * console.log(response.headers.get('content-encoding')); // gzip
 * console.log((await response.text()).length); // 5581
 * await server.close();
 * ```
 */
export function compress(handler: Handler, options: CompressOptions = {}): Handler {
  functionOf('handler', handler);
  refuseUnknown('options', options, COMPRESS_OPTIONS);
  const negotiation = new Negotiation(options, ONCE);
  return (request) => {
    // Read first: the handler may end the request by reading all of its body.
    const accepted = request.headers.get('accept-encoding');
    const reply = replyOf(handler(request));
    if (!isFit(reply)) return responseOf(reply);
    const { status, headers, trailers } = reply;
    const body = reply.body as ResponseBody;
    const data = typeof body === 'string' ? Buffer.from(body) : body;
    const encoding = data instanceof Uint8Array && data.length < negotiation.minBytes ? undefined : negotiation.chosen(accepted);
    if (encoding === undefined) return responseOf({ ...reply, headers: varying(headers) });
    const level = negotiation.levels[encoding];
    return {
      status,
      headers: encoded(headers, encoding),
      body: data instanceof Uint8Array ? encodeWhole(encoding, level, data) : encodeParts(encoding, level, partsIn(data)),
      ...(trailers && { trailers }),
    };
  };
}
