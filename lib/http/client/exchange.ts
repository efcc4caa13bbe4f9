import { sleep } from '../../coroutine/sleep.js';
import { Body } from './body.js';
import { HttpClientError, isDisconnection } from './errors.js';
import type { ClientLimits } from './limits.js';
import { CHUNKED, HTTP_1_1, httpClientField, KEEP_ALIVE } from './native.js';
import type { Outgoing } from './outgoing.js';
import type { Pool } from './pool.js';
import { Upload } from './upload.js';
import type { ClientConnection } from './connection.js';
import { HTTP_2 } from './http2/stream.js';
import type { Wire } from './wire.js';

/** A request in the form in which it is sent. */
export interface Order {
  readonly method: string;
  /** Request line and header lines, with the empty line. */
  readonly head: string;
  readonly body: Outgoing | undefined;
  /** Whether `head` asks to be told whether the body is welcome; for how many milliseconds the body waits. 0: it does not ask. */
  readonly expectMs: number;
  /** Whether `head` asks for another protocol. */
  readonly upgrades: boolean;
  readonly headersMs: number;
  readonly bodyMs: number;
  readonly limits: Required<ClientLimits>;
}

/** An answer whose body is still to be read. */
export interface Answer {
  readonly status: number;
  /** The head is at its beginning. */
  readonly bytes: Buffer;
  readonly headLength: number;
  readonly flags: number;
  readonly body: Body;
  /** The connection, after 101: it speaks another protocol from the byte behind the head on. */
  readonly upgraded: ClientConnection | undefined;
}

/** Up to here a body goes out with its head, in one write. */
const MOST_WITH_HEAD = 16 * 1024;
/** A server that sends more informational answers for one request is broken. */
const MOST_INFORMATIONAL = 64;
const SWITCHING_PROTOCOLS = 101;
const LEAST_KEPT_MS = 100;
/** How often a request is sent again that a server has not taken; with which pauses from the second time on. */
const MOST_REFUSALS = 5;
const REFUSED_MS = 25;
const MOST_REFUSED_MS = 1000;
/** RFC 9110 section 9.2.2: to do it twice is as good as once. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** Whether the request may be sent again when it is not known what became of it. */
export function isRepeatable({ method, body }: Pick<Order, 'method' | 'body'>): boolean {
  return IDEMPOTENT.has(method) && (body === undefined || body.replayable);
}

/** The server has done nothing for the request, and says so: it is safe to send it again, unless its body is gone. */
function mayGoAgain(error: unknown, { body }: Order, upload: boolean): boolean {
  return error instanceof HttpClientError && error.code === 'ERR_HTTP_CLIENT_REFUSED' && (!upload || body!.replayable);
}

/**
 * Sends a request and reads the head of its answer. A connection that has carried others, and turns out to have ended before anything of
 * this answer came, is replaced by a new one once, if the request may be repeated; a request that an HTTP/2 server has refused unseen is
 * sent again. Parks.
 */
export function exchange(pool: Pool, order: Order): Answer {
  return exchangeOver(pool, pool.take(), order);
}

/** {@link exchange} over a wire that the pool has given. Parks. */
export function exchangeOver(pool: Pool, first: Wire, order: Order): Answer {
  let wire = first;
  let replaced = false;
  for (let refusals = 0; ; ) {
    const reused = wire.used > 0;
    const trial: Trial = { upload: undefined };
    try {
      return attempt(pool, wire, order, trial);
    } catch (error) {
      if (refusals < MOST_REFUSALS && mayGoAgain(error, order, trial.upload !== undefined)) {
        pool.drop(wire);
        // A server that is busy is given some time.
        if (refusals++ > 0) sleep(Math.min(REFUSED_MS * 2 ** refusals, MOST_REFUSED_MS));
        wire = pool.take();
        continue;
      }
      if (replaced || !reused || !isRepeatable(order) || !wentStale(wire, error)) {
        pool.drop(wire);
        throw error;
      }
    }
    replaced = true;
    wire = pool.replace(wire);
  }
}

/** The server has ended the connection while the request was on its way to it. */
function wentStale(connection: Wire, error: unknown): boolean {
  return !connection.answered && (isDisconnection(error) || (error instanceof HttpClientError && error.code === 'ERR_HTTP_CLIENT_CLOSED'));
}

/** One sending of a request. */
interface Trial {
  upload: Upload | undefined;
}

/** When it throws, the connection is closed, and its place in the pool the caller's to give back. Parks. */
function attempt(pool: Pool, connection: Wire, order: Order, trial: Trial): Answer {
  let upload: Upload | undefined;
  try {
    connection.used++;
    connection.answered = false;
    trial.upload = upload = send(connection, order);
    readFinalHead(connection, order, upload);
    upload?.settle();
    return answerOf(pool, connection, order, upload);
  } catch (error) {
    upload?.stop();
    connection.close();
    throw upload?.failure ? upload.failure.error : error;
  }
}

/** Sends head and body, or begins with that. Parks. */
function send(wire: Wire, order: Order): Upload | undefined {
  const { head, body, expectMs } = order;
  if (!body || body.length === 0) {
    wire.send(head, undefined, false);
    return undefined;
  }
  if (expectMs > 0) {
    wire.send(head, undefined, true);
    return isWelcome(wire, order) ? new Upload(wire, body) : undefined;
  }
  const { whole, length } = body;
  if (whole === undefined || length > MOST_WITH_HEAD) {
    wire.send(head, undefined, true);
    return new Upload(wire, body);
  }
  wire.send(head, whole, false);
  return undefined;
}

/** Whether the server wants the body, or says nothing for a while. Otherwise its answer is there. Parks. */
function isWelcome(connection: Wire, order: Order): boolean {
  try {
    connection.readHead(order.expectMs, order.limits);
  } catch (error) {
    if (isHeadersTimeout(error) && !connection.answered) return true;
    throw error;
  }
  return connection.status < 200;
}

/** Reads on to the head of the answer itself. Parks. */
function readFinalHead(connection: Wire, order: Order, upload: Upload | undefined): void {
  const { headersMs, limits } = order;
  if (!connection.answered) readFirstHead(connection, order, upload);
  for (let count = 1; connection.status < 200 && !(connection.status === SWITCHING_PROTOCOLS && order.upgrades); count++) {
    if (connection.status === SWITCHING_PROTOCOLS) {
      throw new HttpClientError('ERR_HTTP_CLIENT_UPGRADE', `${connection.origin} has changed to a protocol that was not asked for`);
    }
    if (count > MOST_INFORMATIONAL) {
      throw new HttpClientError('ERR_HTTP_CLIENT_INFORMATIONAL', `${connection.origin} sends informational answers without end`);
    }
    connection.readNextHead(headersMs, limits);
  }
}

/** The time counts from when the server has last taken something of the body. Parks. */
function readFirstHead(connection: Wire, { headersMs, limits }: Order, upload: Upload | undefined): void {
  let ms = headersMs;
  for (;;) {
    try {
      connection.readHead(ms, limits);
      return;
    } catch (error) {
      if (!isHeadersTimeout(error) || connection.answered || !upload) throw error;
      const left = upload.movedAt + headersMs - performance.now();
      if (left <= 0) throw error;
      ms = Math.max(1, Math.min(left, headersMs));
    }
  }
}

function isHeadersTimeout(error: unknown): boolean {
  return error instanceof HttpClientError && error.code === 'ERR_HTTP_CLIENT_HEADERS_TIMEOUT';
}

/** RFC 9112 section 6.3. */
function answerOf(pool: Pool, connection: Wire, order: Order, upload: Upload | undefined): Answer {
  const { status, bytes, headLength, flags, length } = connection;
  // Not kept from being collected by a connection that is idle.
  connection.bytes = NOTHING;
  // A body that was asked for and not sent: the server may wait for it, or not.
  const unsent = order.expectMs > 0 && upload === undefined && (order.body?.length ?? 0) !== 0;
  const upgraded = status === SWITCHING_PROTOCOLS;
  const body = new Body(pool, upgraded ? undefined : connection, upload, order.bodyMs, order.limits.bodyBytes);
  if (upgraded) {
    connection.bytes = bytes.subarray(headLength);
    pool.release();
    // HTTP/2 has no such status.
    return { status, bytes, headLength, flags, body, upgraded: connection as ClientConnection };
  }
  const bodiless = order.method === 'HEAD' || status === 204 || status === 304;
  if (flags & HTTP_2) {
    // Its end is marked, and the length was checked against it.
    const rest = connection.ended ? bytes.length - headLength : bodiless ? 0 : Infinity;
    body.begin(bytes, headLength, rest, false, true);
    return { status, bytes, headLength, flags, body, upgraded: undefined };
  }
  if (connection.used === 1) heed(pool, httpClientField(bytes, headLength, 'keep-alive'));
  const reusable = (flags & KEEP_ALIVE) !== 0 && !unsent;
  if (bodiless) body.begin(bytes, headLength, 0, false, reusable);
  else if (flags & CHUNKED) body.begin(bytes, headLength, -1, true, reusable);
  else if (length >= 0) body.begin(bytes, headLength, length, false, reusable);
  else body.begin(bytes, headLength, Infinity, false, false);
  return { status, bytes, headLength, flags, body, upgraded: undefined };
}

/** `Keep-Alive: timeout=5`: how long the server keeps a connection, in seconds. A request that leaves a second before is on time. */
function heed(pool: Pool, field: string | undefined): void {
  const seconds = field === undefined ? undefined : /(?:^|[,;\s])timeout=(\d{1,6})\b/i.exec(field)?.[1];
  if (seconds !== undefined) pool.keepFor(Math.max(LEAST_KEPT_MS, Number(seconds) * 1000 - 1000));
}

export const versionOf = (flags: number): '1.0' | '1.1' | '2.0' => (flags & HTTP_2 ? '2.0' : flags & HTTP_1_1 ? '1.1' : '1.0');

const NOTHING = Buffer.alloc(0);
