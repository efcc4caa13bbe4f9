import { Client } from './client.js';
import type { RequestOptions } from './options.js';
import type { ClientResponse } from './response.js';

let shared: Client | undefined;

/** The client of {@link request} and `fetch`. */
export function sharedClient(): Client {
  return (shared ??= new Client());
}

/**
 * Sends a request and returns when the head of its answer has come; the body is read as it is asked for. Every status is an answer, not an
 * error. Connections are kept and used again; {@link Client} has one's own. Parks.
 *
 * A call that is interrupted closes its connection. A body that is sent in pieces has a coroutine of its own, so that an answer that comes
 * before its end is seen; what is left of the body then is not sent.
 *
 * @param url `http:`, `https:`, or `unix:/path/of/socket:/path`
 * @throws HttpClientError (`ERR_HTTP_CLIENT_...`, see the guide); TypeError (`ERR_INVALID_URL`, `ERR_UNKNOWN_OPTION`,
 *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`, `ERR_HTTP_FORBIDDEN_HEADER`),
 *   RangeError (`ERR_OUT_OF_RANGE`), NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
 *   (`ERR_TIMEOUT`), the signal's reason; what `connect` of `stackful/net` and of `stackful/tls`, and a source of the body throw
 *
 * @example
 * ```ts
 * import { spawn, timeout } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { request } from 'stackful/http/client';
 *
 * const server = serve((incoming) => ({ body: JSON.stringify({ got: incoming.json() }) }), { host: '127.0.0.1' });
 * await spawn(() => {
 *   const url = `http://127.0.0.1:${server.port}/things`;
 *   const response = timeout(1000, () => request(url, { json: [1, 2], headers: { 'X-Id': 7 } }));
 *   console.log(response.status, response.json()); // 200 { got: [ 1, 2 ] }
 * });
 * await server.close();
 * ```
 */
export function request(url: string | URL, options?: RequestOptions): ClientResponse {
  return sharedClient().request(url, options);
}
