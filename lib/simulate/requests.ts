import type { Calls } from '../internal/outside.js';

/**
 * Requests in recordings. What is asked about a request is not recorded call by call: it is written down with its head, so that a
 * replay can ask something else about it, or in another order, and reports about it can name it.
 */

/** Calls that end with the head of the next request, a number above 0, of the exchange that is their first argument. */
const HEADS = new Set(['httpNext', 'httpText', 'httpRespond', 'httpFinish']);
/** Instead of a head: the client speaks HTTP/2. As in lib/http/native.ts, which is above this. */
const SPEAKS_HTTP2 = 128;
/** What `http2Next` says of a stream that begins, whose number is the first of its second argument. */
const STREAM_BEGINS = 0;

/** What is known of a request by its head. */
export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  /** Decoded, or the status that says what is wrong with it. */
  readonly path: string | number;
  /** Name, value, name, value, ... */
  readonly headers: readonly string[];
  readonly bodyLength: number;
  readonly fileHints: number | null;
}

/** What is written with the result of a call: the request that it has brought, or where a connection comes from. */
export type About = { request: RecordedRequest } | { remote: readonly unknown[] };

/** The calls that are answered from what is written down. */
export const ASKED_OF_REQUESTS = new Set([
  'httpMethod', 'httpTarget', 'httpPath', 'httpHeader', 'httpHeaders', 'httpHeaderBlock', 'httpFileHints', 'httpBodyLength', 'httpRemote',
]);

/** The exchange that has a request now, if the call has brought one. */
function broughtTo(name: string, args: readonly unknown[], result: unknown): number | undefined {
  if (typeof result !== 'number') return undefined;
  if (HEADS.has(name)) return result > 0 && !(name === 'httpNext' && result === SPEAKS_HTTP2) ? (args[0] as number) : undefined;
  return name === 'http2Next' && result === STREAM_BEGINS ? (args[1] as Int32Array)[0] : undefined;
}

/** What to write down with the result of a call. */
export function aboutOf(name: string, args: readonly unknown[], result: unknown, real: Calls): About | undefined {
  if (name === 'httpAccept' && typeof result === 'number' && result >= 0) {
    return { remote: (real.httpRemote!(result) as unknown[] | undefined) ?? [] };
  }
  const exchange = broughtTo(name, args, result);
  if (exchange === undefined) return undefined;
  const ask = (what: string) => real[what]!(exchange);
  return {
    request: {
      method: ask('httpMethod') as string, target: ask('httpTarget') as string, path: ask('httpPath') as string | number,
      headers: ask('httpHeaders') as string[], bodyLength: ask('httpBodyLength') as number,
      fileHints: (ask('httpFileHints') as number | undefined) ?? null,
    },
  };
}

/** The requests of a replay, by the exchanges that have them. */
export class ReplayedRequests {
  private readonly requests = new Map<number, RecordedRequest>();
  private readonly remotes = new Map<number, readonly unknown[]>();

  /** A call on an exchange begins: if it ends with the next head, the request before is over. */
  begins(name: string, args: readonly unknown[]): void {
    if (HEADS.has(name)) this.requests.delete(args[0] as number);
  }

  /** A connection has come from there. */
  connected(exchange: number, remote: readonly unknown[]): void {
    this.remotes.set(exchange, remote);
  }

  /** A call has come to `result`, with which that was written down. */
  came(name: string, args: readonly unknown[], result: unknown, about: About): void {
    if ('remote' in about) {
      this.remotes.set(result as number, about.remote);
      return;
    }
    const exchange = broughtTo(name, args, result);
    if (exchange !== undefined) this.requests.set(exchange, about.request);
  }

  ask(what: string, exchange: number, name?: string): unknown {
    if (what === 'httpRemote') return this.remotes.get(exchange);
    const request = this.requests.get(exchange);
    if (!request) return undefined;
    switch (what) {
      case 'httpMethod': return request.method;
      case 'httpTarget': return request.target;
      case 'httpPath': return request.path;
      case 'httpHeaders': return [...request.headers];
      case 'httpHeader': return headerOf(request.headers, name!);
      case 'httpBodyLength': return request.bodyLength;
      case 'httpFileHints': return request.fileHints ?? undefined;
      // There is none: nothing is remembered for it.
      default: return -1;
    }
  }
}

/** The values of all headers of that name. */
function headerOf(headers: readonly string[], name: string): string | undefined {
  const key = name.toLowerCase();
  const values = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === key);
  return values.length > 0 ? values.join(key === 'cookie' ? '; ' : ', ') : undefined;
}
