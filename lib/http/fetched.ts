import { fieldsOf, type Fields } from './fields.js';
import type { ResponseParts } from './response.js';

/** Headers of the connection to the server that sent it; ours has its own. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]);
/** Headers that no longer apply to the body, because `fetch` has decoded it. */
const UNDONE: ReadonlySet<string> = new Set(['content-encoding', 'content-length']);

/** Whether it is a `Response`, as in fetch. It avoids the global of that name, whose first use loads all of undici. */
export function isFetched(response: ResponseParts | Response): response is Response {
  return 'bodyUsed' in response && typeof response.arrayBuffer === 'function';
}

/**
 * The status and headers of a `Response`, without headers that are not for our client.
 *
 * @throws Error `ERR_HTTP_BODY_IN_USE` when its body was read
 */
export function headOfFetched(response: Response): { status: number; headers: [name: string, value: string][] } {
  if (response.bodyUsed || response.body?.locked) {
    throw Object.assign(new Error('the body of the Response is being read, or was read before'), { code: 'ERR_HTTP_BODY_IN_USE' });
  }
  const undone = response.url !== '' && response.headers.has('content-encoding');
  const headers = [...response.headers].filter(([name]) => !HOP_BY_HOP.has(name) && !(undone && UNDONE.has(name)));
  return { status: response.status, headers };
}

/** The same, formatted. */
export function partsOfFetched(response: Response): { status: number; fields: Fields } {
  const { status, headers } = headOfFetched(response);
  return { status, fields: fieldsOf(headers) };
}
