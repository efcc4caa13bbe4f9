import { spawn, type Coroutine } from '../coroutine/coroutine.js';
import { CancelledError, StackMemoryError } from '../coroutine/errors.js';
import { sleep } from '../coroutine/sleep.js';
import { functionOf, invalidType, numberIn } from '../internal/arguments.js';
import { arrivals } from '../internal/arrivals.js';
import { current } from '../internal/current.js';
import { native } from '../internal/native.js';
import { simulating } from '../internal/simulating.js';
import { CLIENT_LEFT, EBADF, TOO_MANY_COROUTINES } from '../internal/results.js';
import { SocketFile } from '../net/socket_file.js';
import { markObserver } from '../observe/deadlock.js';
import { admitting, descriptorsAreShort } from '../schedule/admission.js';
import { serverTerms, type ServerTerms } from '../tls/terms.js';
import { Connection } from './connection.js';
import type { Handler, Owner } from './exchange.js';
import { handlerOf, type FetchApplication, type FetchHandler } from './fetch_handler.js';
import { givenSettings } from './http2/settings.js';
import { refuseUnknown } from './known.js';
import { addressFrom, BACKLOG, listen } from './listening.js';
import {
  httpAccept,
  httpAddress,
  httpClose,
  httpDeparture,
  httpForget,
  httpPause,
  httpStats,
  httpUnref,
} from './native.js';
import { proxyProtocolTerms, type ProxyProtocolTerms } from './proxy_protocol.js';
import { isForgetful, type Request } from './request.js';
import { print } from './report.js';
import { addToTotals } from './totals.js';
import { proxyTrust, type ProxyTrust } from './trust_proxy.js';
import { KNOWN_OPTIONS, type ServeOptions, type ServerAddress, type ServerStats } from './serve_options.js';

// For what needs no server: with this module the runtime is there, which native code counts on.
export { addressOfFd, listenFd } from './listening.js';
export type { ServeOptions, ServerAddress, ServerStats } from './serve_options.js';

/** `handshakeTimeout`: the most milliseconds of a handshake, as of the first byte of a request. */
const TLS_DEFAULTS = { ALPNProtocols: ['http/1.1'], handshakeTimeout: 30_000 };
const TLS_HTTP2_DEFAULTS = { ...TLS_DEFAULTS, ALPNProtocols: ['h2', 'http/1.1'] };
/** The pause after an accept that failed for lack of descriptors or memory, in milliseconds. */
const PAUSE_MS = 50;
/** How often it is looked for descriptors again while admission finds them short, in milliseconds. */
const SHORT_MS = 5;
/** The pause after an accept that failed because of `maxCoroutines`, in milliseconds. */
const CROWDED_MS = 5;
/** How often a closing server ends connections that have become idle, in milliseconds. */
const DRAIN_MS = 20;

/** The servers that are not closed. */
const servers = new Set<Server>();

/** The servers of this thread that are not closed, without the inspector's. @internal */
export function runningServers(): Server[] {
  return [...servers].filter((server) => !server.observing);
}

/**
 * A running HTTP server. {@link serve} makes one.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve(() => 'hello', { host: '127.0.0.1' });
 * console.log(server.port > 0); // true
 * await server.close({ deadline: 1000 }); // lets requests under way finish, for a second at most
 * ```
 */
export class Server implements Owner {
  /** Where it listens; for a Unix socket, the path. Stays after `close`. */
  readonly address: ServerAddress | string;
  /** @internal */
  readonly handler: Handler;
  /** @internal */
  readonly speaksHttp2: boolean;
  /** @internal */
  readonly sheds: boolean;
  /** @internal */
  readonly reusesRequests: boolean;
  /** @internal */
  readonly terms: ServerTerms | undefined;
  /** @internal */
  readonly proxyProtocol: ProxyProtocolTerms | undefined;
  /** @internal */
  readonly trust: ProxyTrust | undefined;
  /** @internal */
  spare: Request | undefined;
  private readonly number: number;
  private readonly file: SocketFile | undefined;
  private readonly options: ServeOptions;
  private readonly mostConnections: number;
  /** The open connections, by native's number. */
  private readonly connections = new Map<number, Connection>();
  private readonly acceptor: Coroutine<void>;
  private readonly counters = new Float64Array(7);
  /** Slot of the acceptor while it waits for a connection to end; else -1. */
  private waiter = -1;
  private closing: Coroutine<void> | undefined;
  private forgotten = false;
  /** @internal */
  observing = false;
  /** @internal */
  routed = false;

  /** @internal */
  constructor(handler: Handler, options: ServeOptions) {
    this.handler = functionOf('handler', handler);
    if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
    refuseUnknown('options', options, KNOWN_OPTIONS);
    this.reusesRequests = isForgetful(handler);
    this.options = options;
    if (options.onTlsError !== undefined) functionOf('options.onTlsError', options.onTlsError);
    const http2 = givenSettings(options.http2);
    this.speaksHttp2 = http2 !== undefined;
    this.sheds = options.shed !== undefined && options.shed !== false;
    if (options.tls !== undefined) this.terms = serverTerms('serve', options.tls, http2 ? TLS_HTTP2_DEFAULTS : TLS_DEFAULTS);
    this.trust = proxyTrust(options.trustProxy);
    this.proxyProtocol = proxyProtocolTerms(options.proxyProtocol);
    this.mostConnections = options.maxConnections ?? Infinity;
    this.number = listen(options, http2);
    if (options.path !== undefined) this.file = SocketFile.at(options.path);
    const address = httpAddress(this.number)!;
    // An inherited descriptor may be a Unix socket's, which has no port.
    this.address = options.path ?? (address[1] === 0 ? address[0] : addressFrom(address));
    this.acceptor = spawn(() => { this.accept(); }, { name: 'http accept' });
    servers.add(this);
  }

  /** @internal */
  get isClosing(): boolean {
    return this.closing !== undefined;
  }

  /** The port it listens on; 0 for a Unix socket. */
  get port(): number {
    return typeof this.address === 'string' ? 0 : this.address.port;
  }

  /** Counters since the server's start. */
  get stats(): ServerStats {
    if (!this.forgotten) httpStats(this.number, this.counters);
    const [connections, accepted, requests, bytesReceived, bytesSent, shed] = this.counters as unknown as number[];
    return {
      connections: connections!,
      accepted: accepted!,
      requests: requests!,
      shed: shed!,
      bytesReceived: bytesReceived!,
      bytesSent: bytesSent!,
    };
  }

  /** Connections that wait in the kernel to be accepted. Makes a system call. @internal */
  get waiting(): number {
    if (this.closing) return 0;
    httpStats(this.number, this.counters);
    return this.counters[6]!;
  }

  /**
   * Stops accepting at once, ends idle connections, and lets requests under way finish; their responses say
   * `Connection: close`. Connections in the backlog still get their response. The returned coroutine ends with the last
   * connection: `join` or `await` it.
   *
   * @param options.deadline milliseconds after which the coroutines of open connections are cancelled. Without it `close`
   *   waits for handlers without limit, and for clients as long as the limits allow
   * @param options.idle milliseconds for which idle connections may still send a request, so that none that is on its way
   *   is lost. Default 0
   */
  close(options?: { deadline?: number; idle?: number }): Coroutine<void> {
    if (options !== undefined) refuseUnknown('options', options, ['deadline', 'idle']);
    const { deadline = Infinity, idle = 0 } = options ?? {};
    numberIn('options.deadline', deadline, 0, Infinity);
    numberIn('options.idle', idle, 0, Infinity);
    if (!this.closing) {
      this.acceptTheRest();
      this.file?.remove();
      httpClose(this.number, idle === 0);
      if (this.waiter >= 0) native.wake(this.waiter, 0);
      this.closing = spawn(() => { this.drain(idle); }, { name: 'http close' });
      for (const connection of this.connections.values()) connection.serverCloses();
    }
    if (deadline !== Infinity) spawn(() => { this.cancelAfter(deadline); }, { name: 'http close deadline' });
    return this.closing;
  }

  /** For `using`: {@link close}. In a coroutine it parks until the last connection has ended. */
  [Symbol.dispose](): void {
    const closing = this.close();
    if (current()) closing.join();
  }

  /** Lets the process end although the server listens and has connections. */
  unref(): this {
    if (this.forgotten) return this;
    httpUnref(this.number);
    // The runtime decides whether the loop stays alive after coroutines have run.
    spawn(() => undefined, { name: 'http unref' });
    return this;
  }

  /** Marks this server as an observer: reports do not count its coroutines as the program's. @internal */
  observe(): void {
    this.observing = true;
    markObserver(this.acceptor);
  }

  /** @internal */
  reportTls(error: unknown, remoteAddress: string): void {
    if (error instanceof CancelledError) return;
    this.options.onTlsError?.(error, remoteAddress);
  }

  /** @internal */
  report(error: unknown, request: Request): void {
    // Handlers that a failed simulation cancels say nothing.
    if (error instanceof CancelledError && (this.closing || simulating.on)) return;
    try {
      if (this.options.onError) {
        this.options.onError(error, request);
        return;
      }
    } catch (second) {
      print(second, request);
    }
    print(error, request);
  }

  private accept(): void {
    while (!this.closing) {
      if (this.connections.size >= this.mostConnections) {
        this.waiter = native.current();
        httpPause(this.number);
        this.waiter = -1;
        this.tellDepartures();
        continue;
      }
      if (admitting && descriptorsAreShort()) {
        sleep(SHORT_MS);
        this.tellDepartures();
        continue;
      }
      const number = httpAccept(this.number, true);
      if (number === EBADF) return;
      if (number >= 0 && this.start(number)) continue;
      if (number === TOO_MANY_COROUTINES) sleep(CROWDED_MS);
      // Descriptors or memory are short, the only other failure: the connection stays in the backlog.
      else if (number !== CLIENT_LEFT) sleep(PAUSE_MS);
      // Clients that have left free descriptors and memory.
      this.tellDepartures();
    }
  }

  /** Tells connections whose clients have left during a request. */
  private tellDepartures(): void {
    for (let left = httpDeparture(this.number); left >= 0; left = httpDeparture(this.number)) {
      arrivals.departure?.(this, left);
      this.connections.get(left >> 1)?.clientLeft((left & 1) === 1);
    }
  }

  /** Accepts the connections in the backlog: their clients take them for open, and closing the listener would reset them. */
  private acceptTheRest(): void {
    for (let left = this.options.backlog ?? BACKLOG; left >= 0; left--) {
      const number = httpAccept(this.number, false);
      if (number < 0) return;
      this.start(number);
    }
  }

  /** Starts a connection's coroutine. False when there is no memory for a stack. */
  private start(number: number): boolean {
    const connection = new Connection(number, this, this.options.stackSize);
    const options = { ...(this.options.stackSize !== undefined && { stackSize: this.options.stackSize }) };
    this.connections.set(number, connection);
    try {
      connection.coroutine = spawn(() => {
        connection.run();
        this.ended(number);
      }, options);
      connection.coroutine.nameBy(() => connection.title);
      if (this.observing) markObserver(connection.coroutine);
      else arrivals.connection?.(this, number, connection.coroutine);
    } catch (error) {
      connection.abandon();
      this.ended(number);
      if (!(error instanceof StackMemoryError)) throw error;
      return false;
    }
    return true;
  }

  private ended(number: number): void {
    this.connections.delete(number);
    if (this.waiter >= 0) native.wake(this.waiter, 0);
  }

  private drain(idle: number): void {
    const began = performance.now();
    this.acceptor.join();
    while (this.connections.size > 0) {
      sleep(DRAIN_MS);
      this.tellDepartures();
      const over = performance.now() - began >= idle;
      httpClose(this.number, over);
      if (over && (this.terms || this.proxyProtocol)) for (const connection of this.connections.values()) connection.endHandshake();
    }
    const { stats } = this;
    if (!this.observing) addToTotals(stats);
    this.forgotten = true;
    servers.delete(this);
    httpForget(this.number);
  }

  private cancelAfter(deadline: number): void {
    for (let left = deadline; left > 0 && this.connections.size > 0; left -= DRAIN_MS) sleep(Math.min(left, DRAIN_MS));
    for (const connection of this.connections.values()) connection.cancel(new Error('the server was closed'));
  }
}

/**
 * Starts a server of HTTP/1.1 and, with `http2`, of HTTP/2. Each connection has a coroutine of its own, which calls `handler` with one
 * request after the other; over HTTP/2 each request has one. The handler may park. Callable on the main stack and in a coroutine. The
 * server listens when `serve` returns.
 *
 * When the client leaves before it has its response, `request.signal` is aborted and the coroutine cancelled: see there.
 *
 * @throws system errors of `listen`: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`; `ERR_INVALID_IP_ADDRESS`,
 *   `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`, `ERR_UNKNOWN_OPTION`; Http2UnsupportedError
 *   (`ERR_HTTP2_UNSUPPORTED`) where Node has no nghttp2 that will do
 *
 * @example
 * ```ts
 * import { sleep } from 'stackful';
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   sleep(1); // a database, a file, another server
 *   return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: `Hello from ${request.path}` };
 * }, { host: '127.0.0.1', port: 0 });
 * const response = await fetch(`http://127.0.0.1:${server.port}/here`);
 * console.log(await response.text()); // Hello from /here
 * await server.close();
 * ```
 */
export function serve(handler: Handler, options?: ServeOptions): Server;
/**
 * The same for a function named `fetch`, or an object with one, which takes the `Request` of `fetch` and returns its `Response`: an
 * application of Hono or of another framework made for that runs as it is, `serve(app)` or `serve(app.fetch)`.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { serve } from 'stackful/http';
 *
 * const app = new Hono().get('/users/:name', (context) => context.json({ name: context.req.param('name') }));
 * const server = serve(app, { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/users/Ada`);
 * console.log(await response.text()); // {"name":"Ada"}
 * await server.close();
 * ```
 */
export function serve(application: FetchApplication | FetchHandler, options?: ServeOptions): Server;
export function serve(handler: Handler | FetchApplication | FetchHandler, options: ServeOptions = {}): Server {
  return new Server(handlerOf(handler), options);
}
