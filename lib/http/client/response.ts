import { invalidType } from '../../internal/arguments.js';
import type { Socket } from '../../net/socket.js';
import type { Body } from './body.js';
import { versionOf, type Answer } from './exchange.js';
import { httpClientField, httpClientFields, httpClientReason } from './native.js';

/**
 * The headers of an answer. Names are compared without regard to case; values are Latin-1.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { request } from 'stackful/http/client';
 *
 * const server = serve(() => ({ headers: { 'X-Id': 17, 'Set-Cookie': ['a=1', 'b=2'] } }), { host: '127.0.0.1' });
 * await spawn(() => {
 *   const { headers } = request(`http://127.0.0.1:${server.port}/`);
 *   console.log(headers.get('x-id'), headers.getAll('set-cookie')); // 17 [ 'a=1', 'b=2' ]
 * });
 * await server.close();
 * ```
 */
export class ResponseHeaders implements Iterable<[name: string, value: string]> {
  private all: readonly string[] | undefined;

  /** @internal */
  constructor(
    private readonly bytes: Buffer,
    private readonly length: number,
  ) {}

  /** The value; those of several headers of that name are joined with commas, which cannot be undone for `Set-Cookie`. */
  get(name: string): string | undefined {
    if (typeof name !== 'string') throw invalidType('name', 'a string', name);
    return httpClientField(this.bytes, this.length, name);
  }

  /** The values of all headers of that name. */
  getAll(name: string): string[] {
    const key = name.toLowerCase();
    return [...this].filter(([other]) => other.toLowerCase() === key).map(([, value]) => value);
  }

  /** Whether there is a header of that name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every header as the server sent it: in order, repeated ones apart. */
  *[Symbol.iterator](): Generator<[name: string, value: string], void, undefined> {
    const all = (this.all ??= httpClientFields(this.bytes, this.length, false));
    for (let i = 0; i < all.length; i += 2) yield [all[i]!, all[i + 1]!];
  }

  /** An object with a property for each name, in lower case; repeated headers are joined as by `get`. */
  toObject(): Record<string, string> {
    const object = Object.create(null) as Record<string, string>;
    for (const [name, value] of this) {
      const key = name.toLowerCase();
      object[key] = key in object ? `${object[key]!}, ${value}` : value;
    }
    return object;
  }
}

/**
 * An answer. Its body is read from the connection as it is asked for: read it, or {@link Body.discard} it, or declare it with `using`.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { request } from 'stackful/http/client';
 *
 * const server = serve(() => ({ status: 201, body: '{"id":17}' }), { host: '127.0.0.1' });
 * await spawn(() => {
 *   using response = request(`http://127.0.0.1:${server.port}/`);
 *   console.log(response.status, response.json()); // 201 { id: 17 }
 * });
 * await server.close();
 * ```
 */
export class ClientResponse implements Disposable {
  /** 200 to 999; 101 only for a request with `upgrade`. */
  readonly status: number;
  /** The body. */
  readonly body: Body;
  /** The URL that has answered: after redirects, the last one. */
  readonly url: string;
  /** Whether redirects were followed. */
  readonly redirected: boolean;
  private readonly answer: Answer;
  private known: ResponseHeaders | undefined = undefined;

  /** @internal */
  constructor(answer: Answer, url: string, redirected: boolean) {
    this.status = answer.status;
    this.body = answer.body;
    this.url = url;
    this.redirected = redirected;
    this.answer = answer;
  }

  /** Its headers. */
  get headers(): ResponseHeaders {
    return (this.known ??= new ResponseHeaders(this.answer.bytes, this.answer.headLength));
  }

  /** The phrase of the status line, such as `Not Found`; it may be empty, and HTTP/2 has none. */
  get reason(): string {
    return httpClientReason(this.answer.bytes, this.answer.headLength);
  }

  /** `2.0`, `1.1` or `1.0`. */
  get httpVersion(): '1.0' | '1.1' | '2.0' {
    return versionOf(this.answer.flags);
  }

  /** After 101: the connection, which speaks the other protocol from now on, and is the caller's to close. */
  get socket(): Socket | undefined {
    const { upgraded } = this.answer;
    if (upgraded && upgraded.bytes.length > 0) {
      upgraded.socket.surplus.putBack(upgraded.bytes);
      upgraded.bytes = upgraded.bytes.subarray(upgraded.bytes.length);
    }
    return upgraded?.socket;
  }

  /** {@link Body.text} of its body. Parks. */
  text(): string {
    return this.body.text();
  }

  /** {@link Body.json} of its body. Parks. */
  json(): unknown {
    return this.body.json();
  }

  /** {@link Body.bytes} of its body. Parks. */
  bytes(): Buffer {
    return this.body.bytes();
  }

  /** For `using`: as of {@link Body}. Never parks. */
  [Symbol.dispose](): void {
    this.body[Symbol.dispose]();
  }
}
