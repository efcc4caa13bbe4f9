import isFresh from 'fresh';

import { parseDate } from './http_date.js';
import type { RequestHeaders } from './request_headers.js';

/** The validators of a resource's state, in the form of their header fields. */
export interface Validators {
  readonly etag: string;
  readonly lastModified: string;
}

/**
 * Evaluates the conditions of a GET or HEAD, in the order of RFC 9110 section 13.2.2: `'send'` the response; `'unchanged'`,
 * the client has it (304); `'failed'`, the client wants another state of it (412). `If-Range` is not among them.
 */
export function judge(headers: RequestHeaders, { etag, lastModified }: Validators): 'send' | 'unchanged' | 'failed' {
  const match = headers.get('if-match');
  if (match !== undefined) {
    if (match.trim() !== '*' && !holdsStrongly(match, etag)) return 'failed';
  } else {
    const since = dateOf(headers.get('if-unmodified-since'));
    if (since !== undefined && Date.parse(lastModified) > since) return 'failed';
  }
  const noneMatch = headers.get('if-none-match');
  const modifiedSince = dateOf(headers.get('if-modified-since'));
  if (noneMatch === undefined && modifiedSince === undefined) return 'send';
  const asked = {
    'if-none-match': noneMatch,
    'if-modified-since': modifiedSince === undefined ? undefined : new Date(modifiedSince).toUTCString(),
    'cache-control': headers.get('cache-control'),
  };
  return isFresh(asked, { etag, 'last-modified': lastModified }) ? 'unchanged' : 'send';
}

/** The header's time, in milliseconds since 1970; undefined, as for an absent header, if it is no HTTP-date. */
function dateOf(header: string | undefined): number | undefined {
  return header === undefined ? undefined : parseDate(header.trim());
}

/** Whether `etag` is in the list. Weak tags, on either side, do not count: they do not promise identical bytes. */
function holdsStrongly(list: string, etag: string): boolean {
  for (const [tag] of list.matchAll(/(?:W\/)?"[^"]*"/g)) if (tag === etag && !tag.startsWith('W/')) return true;
  return false;
}
