import { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

import type { Coroutine } from '../coroutine/coroutine.js';

/** Whom a handler answers: the reason with which it is cancelled names the client's leaving. */
export interface Client {
  /** Undefined where the arguments tell none. */
  readonly name: string | undefined;
  /** Whether the client has left without an answer. */
  hasLeft(): boolean;
  /** Cancels `coroutine` when the client leaves. */
  follow(coroutine: Coroutine): void;
  /** What the handler returns for a client that is not there any more. */
  nothing(): unknown;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

const LEFT = 'the client has left';

/** By name, because loading node:http2 takes as long as the rest of a small server. */
function isOfHttp2(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && 'stream' in value && value.constructor.name === name;
}

export function isRequest(value: unknown): value is Request {
  return value instanceof IncomingMessage || isOfHttp2(value, 'Http2ServerRequest');
}

function isResponse(value: unknown): value is Response {
  return value instanceof ServerResponse || isOfHttp2(value, 'Http2ServerResponse');
}

/** A handler that answers by Node's own response. */
class NodeClient implements Client {
  private left = false;

  constructor(private readonly request: Request, private readonly response: Response) {}

  get name(): string {
    const { originalUrl } = this.request as { originalUrl?: string };
    return `${this.request.method ?? ''} ${originalUrl ?? this.request.url ?? ''}`;
  }

  hasLeft(): boolean {
    return this.left;
  }

  follow(coroutine: Coroutine): void {
    const onClose = () => {
      // Asked now: an end() that comes later counts as finished on some Nodes. Node's HTTP/2 counts every end as finished.
      const { response } = this;
      if ('stream' in response ? !response.stream.aborted : response.writableFinished) return;
      this.left = true;
      coroutine.cancel(LEFT);
    };
    if (this.response.destroyed) onClose();
    else this.response.once('close', onClose);
  }

  nothing(): undefined {
    return undefined;
  }
}

/** What nginx logs for a client that has closed the connection. */
const CLIENT_CLOSED = 499;

/** A handler that takes a Request as `fetch` makes it, and returns a Response. */
class FetchClient implements Client {
  constructor(private readonly request: globalThis.Request) {}

  get name(): string {
    return `${this.request.method} ${new URL(this.request.url).pathname}`;
  }

  hasLeft(): boolean {
    return this.request.signal.aborted;
  }

  follow(coroutine: Coroutine): void {
    coroutine.cancelWith(this.request.signal, LEFT);
  }

  nothing(): globalThis.Response {
    return new Response(null, { status: CLIENT_CLOSED });
  }
}

/** A function that is given a signal among its options, such as a procedure of tRPC. */
class SignalClient implements Client {
  constructor(private readonly signal: AbortSignal, readonly name: string | undefined) {}

  hasLeft(): boolean {
    return this.signal.aborted;
  }

  follow(coroutine: Coroutine): void {
    coroutine.cancelWith(this.signal);
  }

  /** It rejects as functions with a signal do. */
  nothing(): never {
    throw this.signal.reason;
  }
}

function isFetchRequest(value: object): value is globalThis.Request {
  return 'signal' in value && 'headers' in value && 'url' in value && 'method' in value && !isRequest(value);
}

/** A property that is there as a value of its own: getters of objects that handlers are given may do anything. */
function own(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

/** `(request, response)` at any place, since Nest's methods choose the order; Express's requests hold theirs. */
function nodeClientAmong(args: readonly unknown[]): Client | undefined {
  for (let i = 0; i < args.length; i++) {
    const request = args[i];
    if (!isRequest(request)) continue;
    const response = isResponse(args[i + 1]) ? args[i + 1] : own(request, 'res');
    if (isResponse(response)) return new NodeClient(request, response);
  }
  return undefined;
}

/** `{ signal }`, or `{ request }` of loaders, as in React Router. */
function clientOfOptions(options: object): Client | undefined {
  const request = own(options, 'request');
  if (typeof request === 'object' && request !== null && isFetchRequest(request)) return new FetchClient(request);
  const signal = own(options, 'signal');
  if (!(signal instanceof AbortSignal)) return undefined;
  const path = own(options, 'path');
  return new SignalClient(signal, typeof path === 'string' ? path : undefined);
}

/**
 * Finds the client among a handler's arguments: `(request, response)` of node:http, Connect and Express, `(request, reply)` of Fastify,
 * the `context` of Koa and of Hono, a `Request`, and an object with a `request` or a `signal`.
 */
export function clientOf(args: readonly unknown[]): Client | undefined {
  const client = nodeClientAmong(args);
  if (client) return client;
  const [first, second] = args;
  if (typeof first !== 'object' || first === null || isRequest(first)) return undefined;
  const request = own(first, 'req') ?? own(first, 'raw');
  if (isRequest(request)) {
    const response = own(first, 'res') ?? (typeof second === 'object' && second !== null ? own(second, 'raw') : undefined);
    return isResponse(response) ? new NodeClient(request, response) : undefined;
  }
  if (isFetchRequest(first)) return new FetchClient(first);
  // Hono's context: its `req` is a getter, and what that returns holds the Request.
  if (!('req' in first && 'executionCtx' in first && 'newResponse' in first)) return clientOfOptions(first);
  const raw = (first.req as { raw?: unknown } | undefined)?.raw;
  return typeof raw === 'object' && raw !== null && isFetchRequest(raw) ? new FetchClient(raw) : undefined;
}
