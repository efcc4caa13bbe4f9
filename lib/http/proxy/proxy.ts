import { STATUS_CODES } from 'node:http';

import { CancelledError, TimeoutError } from '../../coroutine/errors.js';
import { timeout } from '../../coroutine/timeout.js';
import { invalidValue } from '../../internal/arguments.js';
import { isConnectionFailure } from '../client/client.js';
import { HttpClientError } from '../client/errors.js';
import { exchangeOver, isRepeatable, type Answer, type Order } from '../client/exchange.js';
import type { Outgoing } from '../client/outgoing.js';
import { HttpError } from '../errors.js';
import type { Request } from '../request.js';
import { PreparedResponse, type ResponseLike } from '../response.js';
import { balanceOf, type Balance } from './balance.js';
import { passedRequest, PassedAnswers, type PassedRequest } from './fields.js';
import { watchHealth } from './health.js';
import { settingsOf, type ProxyOptions, type Settings } from './options.js';
import { passBytes } from './upgrade.js';
import { termsOf, Upstream, type UpstreamStats } from './upstream.js';

/** What {@link proxy} returns: a handler for `serve`, and what it knows of its upstreams. */
export interface ProxyHandler extends Disposable {
  /** Passes a request on. Parks. */
  (request: Request): ResponseLike;
  /** The upstreams, in the order in which they were given. */
  readonly upstreams: readonly UpstreamStats[];
  /** Ends checks of health, and closes idle connections to upstreams. Never parks. */
  close(): void;
}

/** Up to here a body is read before the upstream is asked: it goes out in one write, and can be sent again. */
const MOST_WHOLE = 16 * 1024;
const MOST_STATUS = 599;
/** The statuses of which HTTP says that they have no body, whatever their head says. */
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/**
 * A handler that passes requests on to other servers, and their answers back: bodies as they come, in both directions, and connections that
 * change to another protocol (WebSockets). Connections to upstreams are kept and used again. When a client leaves, the request that is made
 * for it is ended.
 *
 * An upstream that cannot be reached, or breaks the protocol, is answered with 502, one that takes too long with 504; when all are left out
 * because of failures, 503. A request is sent to another upstream if nothing of it was sent, or if its method is idempotent and the
 * connection has ended without an answer.
 *
 * @param upstreams URLs, as `request` of `stackful/http/client` takes them; a path comes before that of the request
 * @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_URL`), RangeError
 *   (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { proxy, serve } from 'stackful/http';
 *
 * const servers = ['one', 'two'].map((name) => serve(() => name, { host: '127.0.0.1' }));
 * const handler = proxy(servers.map(({ port }) => `http://127.0.0.1:${port}`), { balance: 'round-robin' });
 * const front = serve(handler, { host: '127.0.0.1' });
 * const get = async () => (await fetch(`http://127.0.0.1:${front.port}/`)).text();
 * console.log(await get(), await get(), await get()); // one two one
 * handler.close();
 * for (const server of [front, ...servers]) await server.close({ deadline: 0 });
 * ```
 */
export function proxy(upstreams: string | readonly string[], options: ProxyOptions = {}): ProxyHandler {
  const settings = settingsOf(options);
  const urls = typeof upstreams === 'string' ? [upstreams] : upstreams;
  if (!Array.isArray(urls) || urls.length === 0) throw invalidValue('upstreams', 'one URL or several', upstreams);
  const all = (urls as readonly string[]).map((url) => new Upstream(url, settings));
  const passing = new Passing(balanceOf(all, settings.balance), settings);
  const endChecks = settings.health && watchHealth(all, settings, settings.health);
  const close = () => {
    endChecks?.();
    for (const { pool } of all) pool.close();
  };
  const handler = (request: Request) => passing.answer(request);
  Object.defineProperty(handler, 'upstreams', { get: () => all.map(({ stats }) => stats) });
  return Object.assign(handler, { close, [Symbol.dispose]: close }) as unknown as ProxyHandler;
}

/** How a proxy answers requests. */
class Passing {
  private readonly terms: ReturnType<typeof termsOf>;
  private readonly heads = new WeakMap<Upstream, PassedAnswers>();

  constructor(
    private readonly balance: Balance,
    private readonly settings: Settings,
  ) {
    this.terms = termsOf(settings);
  }

  /** Parks. */
  answer(request: Request): ResponseLike {
    const { timeout: whole } = this.settings;
    if (whole === Infinity) return this.passBack(request, ...this.ask(request), Infinity);
    const until = performance.now() + whole;
    const late = (error: unknown) => { throw this.refuse(error, 504, undefined, request); };
    return this.passBack(request, ...timeout(whole, () => this.ask(request), late), until);
  }

  /** Passes the request on, and returns when the head of an answer has come. Parks. */
  private ask(request: Request): [Upstream, Answer] {
    const target = targetOf(request);
    const passed = passedRequest(request, this.settings);
    const body = request.hasBody ? new PassedBody(request) : undefined;
    const asked: Upstream[] = [];
    for (;;) {
      const upstream = this.balance(request, asked);
      if (!upstream) throw this.refuse(new Error('no upstream is available'), 503, undefined, request);
      asked.push(upstream);
      const order = this.orderFor(request.method, target, passed, body, upstream);
      upstream.begin();
      let sent = false;
      let answer: Answer;
      try {
        const connection = upstream.pool.take();
        sent = true;
        answer = exchangeOver(upstream.pool, connection, order);
      } catch (error) {
        upstream.active--;
        if (isOfClient(error)) throw error;
        upstream.failed();
        const safe = sent ? isRepeatable(order) && isConnectionFailure(error) : !body?.begun;
        if (!safe || asked.length > this.settings.retries || !this.balance(request, asked)) {
          throw this.refuse(error, statusFor(error), upstream, request);
        }
        this.settings.onError(error, { upstream: upstream.url, request, status: 0 });
        continue;
      }
      upstream.succeeded();
      return [upstream, answer];
    }
  }

  private orderFor(method: string, target: string, passed: PassedRequest, body: PassedBody | undefined, upstream: Upstream): Order {
    const { origin, prefix } = upstream;
    const { host } = this.settings;
    const name = host === 'keep' ? (passed.host ?? origin.authority) : host === 'upstream' ? origin.authority : host;
    const upgrades = passed.upgrade !== undefined && body === undefined;
    let { lines } = passed;
    if (upgrades) lines += `Connection: Upgrade\r\nUpgrade: ${passed.upgrade}\r\n`;
    if (body) lines += body.outgoing.length < 0 ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${String(body.outgoing.length)}\r\n`;
    const head = `${method} ${prefix}${target} HTTP/1.1\r\nHost: ${name}\r\n${lines}\r\n`;
    // One by one: a spread takes 0.1 µs.
    const { headersMs, bodyMs, limits, expectMs } = this.terms;
    return { method, head, body: body?.outgoing, upgrades, headersMs, bodyMs, limits, expectMs };
  }

  /**
   * The response to the client. It is over for the upstream when the body has come to its end. Parks for another protocol, which lasts as
   * long as it does.
   *
   * @param until when the answer has to be complete, by `performance.now`
   */
  private passBack(request: Request, upstream: Upstream, answer: Answer, until: number): ResponseLike {
    const { status, body, upgraded } = answer;
    const head = this.headsOf(upstream).of(answer);
    if (upgraded) {
      try {
        passBytes(request, upgraded, head);
      } finally {
        upstream.active--;
      }
      return undefined;
    }
    if (status > MOST_STATUS) {
      upstream.active--;
      body[Symbol.dispose]();
      throw this.refuse(new Error(`a status of ${String(status)}`), 502, upstream, request);
    }
    const isHead = request.method === 'HEAD';
    if (body.arrived && !isHead && status !== NOT_MODIFIED) {
      upstream.active--;
      const bytes = body.bytes();
      return new PreparedResponse(status, head.lines, status === NO_CONTENT || bytes.length === 0 ? undefined : bytes);
    }
    const headers: (readonly [string, string | number])[] = [...head.pairs];
    if (head.length >= 0 && status !== NO_CONTENT) headers.push(['Content-Length', head.length]);
    return { status, headers, body: this.pieces(upstream, answer, until) };
  }

  /** Each step parks. */
  private *pieces(upstream: Upstream, { body }: Answer, until: number): Generator<Buffer, void, undefined> {
    const steps = body[Symbol.iterator]();
    try {
      for (;;) {
        const step = until === Infinity ? steps.next() : timeout(Math.max(0, until - performance.now()), () => steps.next());
        if (step.done) return;
        yield step.value;
      }
    } catch (error) {
      if (isOfClient(error) && !(error instanceof TimeoutError)) throw error;
      upstream.failed();
      const status = statusFor(error);
      this.settings.onError(error, { upstream: upstream.url, request: undefined, status: 0 });
      // Before the first byte it becomes the response; later the client's connection ends, by which it sees that the body is not whole.
      throw new HttpError(status, STATUS_CODES[status], { cause: error, code: 'ERR_HTTP_PROXY' });
    } finally {
      steps.return();
      upstream.active--;
    }
  }

  private headsOf(upstream: Upstream): PassedAnswers {
    let heads = this.heads.get(upstream);
    if (!heads) this.heads.set(upstream, (heads = new PassedAnswers()));
    return heads;
  }

  /** Tells `onError`, and returns what the client is answered. */
  private refuse(error: unknown, status: number, upstream: Upstream | undefined, request: Request): HttpError {
    this.settings.onError(error, { upstream: upstream?.url, request, status });
    return new HttpError(status, STATUS_CODES[status], { cause: error, code: 'ERR_HTTP_PROXY' });
  }
}

/** The body of a request, read from its client when the upstream is sent it. */
class PassedBody {
  /** Whether something of it is gone. */
  begun = false;
  readonly outgoing: Outgoing;

  /** Parks for a small body. */
  constructor(request: Request) {
    const length = request.bodyLength();
    const common = { type: undefined, length, file: undefined };
    if (length >= 0 && length <= MOST_WHOLE) {
      this.outgoing = { ...common, whole: request.readBody(Infinity), pieces: undefined, replayable: true };
      return;
    }
    const pieces = () => {
      this.begun = true;
      const steps = request.chunks(Infinity);
      return { next: () => steps.next().value ?? null, close: () => { steps.return(); } };
    };
    this.outgoing = { ...common, whole: undefined, pieces, replayable: false };
  }
}

/** The target as an upstream is asked for it: proxies may be asked with a whole URL, servers are not. */
function targetOf(request: Request): string {
  const { target } = request;
  if (target.startsWith('/') || target === '*') return target;
  if (!URL.canParse(target)) throw new HttpError(400, 'the target is no URL');
  const { pathname, search } = new URL(target);
  return pathname + search;
}

/** Whether it says nothing about the upstream: the client has left, or its body was not as it should be. */
function isOfClient(error: unknown): boolean {
  return error instanceof CancelledError || error instanceof TimeoutError || error instanceof HttpError;
}

const LATE = new Set(['ERR_HTTP_CLIENT_CONNECT_TIMEOUT', 'ERR_HTTP_CLIENT_HEADERS_TIMEOUT', 'ERR_HTTP_CLIENT_BODY_TIMEOUT']);

function statusFor(error: unknown): number {
  if (error instanceof TimeoutError) return 504;
  return (error instanceof HttpClientError && LATE.has(error.code)) || (error as NodeJS.ErrnoException).code === 'ETIMEDOUT' ? 504 : 502;
}
