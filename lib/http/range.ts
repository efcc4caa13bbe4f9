/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const ONE_RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * The range of `size` bytes that a `Range` header wants (RFC 9110 section 14.2): one range; `undefined` for the whole, also
 * for several ranges and for a header that is not understood; `null` for a range outside (416).
 */
export function parseRange(header: string, size: number): ByteRange | null | undefined {
  // Every range is outside an empty file; a 200 serves a client that resumes at 0.
  if (size === 0) return undefined;
  const match = ONE_RANGE.exec(header.trim());
  if (!match) return undefined;
  const [, from, to] = match as unknown as [string, string, string];
  if (from === '') {
    if (to === '') return undefined;
    const length = Math.min(Number(to), size);
    return length === 0 ? null : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  if (first >= size) return null;
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}

/** Whether an `If-Range` header still holds, so that a part may be sent. Weak tags never hold. */
export function rangeStillHolds(ifRange: string, etag: string, lastModified: string): boolean {
  return ifRange.startsWith('"') ? ifRange === etag : ifRange === lastModified;
}
