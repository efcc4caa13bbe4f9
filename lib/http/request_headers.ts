import { invalidType } from '../internal/arguments.js';
import { httpHeader, httpHeaders } from './native.js';

/**
 * The headers of a request. Names are compared without regard to case; values are Latin-1, as in node:http.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => request.headers.get('X-Id') ?? 'none', { host: '127.0.0.1' });
 * const url = `http://127.0.0.1:${server.port}/`;
 * const response = await fetch(url, { headers: { 'x-id': '17' } });
 * console.log(await response.text()); // 17
 * await server.close();
 * ```
 */
export class RequestHeaders implements Iterable<[name: string, value: string]> {
  private all: readonly string[] | undefined;

  /** @internal */
  constructor(private readonly live: (what: string) => number, all?: readonly string[]) {
    this.all = all;
  }

  /** The value; those of several headers of that name are joined with commas (`Cookie`: with semicolons). */
  get(name: string): string | undefined {
    if (typeof name !== 'string') throw invalidType('name', 'a string', name);
    return this.all ? find(this.all, name) : httpHeader(this.live(`the header ${name}`), name);
  }

  /** Whether the request has a header of that name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every header as the client sent it: in order, repeated ones apart. Copies them, so that they outlive the request. */
  *[Symbol.iterator](): Generator<[name: string, value: string], void, undefined> {
    const all = (this.all ??= httpHeaders(this.live('the headers'))!);
    for (let i = 0; i < all.length; i += 2) yield [all[i]!, all[i + 1]!];
  }

  /** An object with a property for each name, in lower case; repeated headers are joined as by `get`. */
  toObject(): Record<string, string> {
    const object: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [name] of this) {
      const key = name.toLowerCase();
      object[key] ??= this.get(key)!;
    }
    return object;
  }
}

function find(all: readonly string[], name: string): string | undefined {
  const key = name.toLowerCase();
  let found: string | undefined;
  for (let i = 0; i < all.length; i += 2) {
    if (all[i]!.toLowerCase() !== key) continue;
    found = found === undefined ? all[i + 1]! : `${found}${key === 'cookie' ? '; ' : ', '}${all[i + 1]!}`;
  }
  return found;
}
