/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const ONE_RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * What a `Range` header asks for of `size` bytes (RFC 9110 section 14.2): one range; `undefined` for everything, which
 * is also the answer to several ranges and to what is not understood; `null` for nothing that is there (416).
 */
export function parseRange(header: string, size: number): ByteRange | null | undefined {
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

/** Does an `If-Range` header still hold, so that a part may be sent? Weak tags never do. */
export function rangeStillHolds(ifRange: string, etag: string, lastModified: string): boolean {
  return ifRange.startsWith('"') ? ifRange === etag : ifRange === lastModified;
}
