import { unlinkSync } from 'node:fs';

import { current, spawn, type Coroutine } from '../coroutine.js';
import { markObserver } from '../deadlock.js';
import { CancelledError, StackMemoryError } from '../errors.js';
import { functionOf, integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { systemError } from '../internal/codes.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { sleep } from '../scheduling.js';
import { Connection, type Handler, type Owner } from './connection.js';
import { limitNumbers, type Limits, type Shedding } from './limits.js';
import { TOO_MANY_COROUTINES, httpAccept, httpAddress, httpClose, httpFdAddress, httpForget, httpListen, httpListenFd, httpStats, httpUnref } from './native.js';
import { isForgetful, type Request } from './request.js';

export interface ServeOptions {
  /** Default 0: one that is free, see `server.port`. */
  port?: number;
  /** A numeric address or `localhost`, which is 127.0.0.1. Default: every address of the machine. */
  host?: string;
  /** Listens on a Unix socket instead. It is removed when the server is closed. */
  path?: string;
  /** Connections that may wait to be accepted. Default 511. */
  backlog?: number;
  /** Several processes, or threads, listen on the same port; the kernel spreads connections over them. */
  reusePort?: boolean;
  limits?: Limits;
  /** A descriptor that listens already, inherited from another process; instead of port, host and path. */
  fd?: number;
  /** Connections at the same time; more of them wait in the backlog. Default: no limit. */
  maxConnections?: number;
  /** While so many coroutines of any kind are alive, no connection is accepted. Default: no limit. */
  maxCoroutines?: number;
  /** Refuses requests with 503 when there are more than can be answered in time. Default: false. */
  shed?: boolean | Shedding;
  /** Address space of each connection's stack, in bytes, as in `spawn`. */
  stackSize?: number;
  /**
   * Told what a handler threw, unless it was an `HttpError`; the client gets a 500, or the end of the stream when the
   * response had begun. Default: a line on stderr.
   */
  onError?: (error: unknown, request: Request) => void;
}

export interface ServerStats {
  /** Open now. */
  connections: number;
  /** Connections accepted so far. */
  accepted: number;
  /** Requests read so far, except those that were malformed. */
  requests: number;
  /** Those of them that were refused for having waited too long; see {@link ServeOptions.shed}. */
  shed: number;
  bytesReceived: number;
  bytesSent: number;
}

export interface ServerAddress {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
}

const BACKLOG = 511;
const MOST_BACKLOG = 2 ** 31 - 1;
/** Without descriptors or memory for another connection: how long until the next try, in milliseconds. */
const PAUSE_MS = 50;
/** With too many coroutines: how often to look whether some have ended, in milliseconds. */
const CROWDED_MS = 5;
/** How often a closing server looks for connections that have become idle since, in milliseconds. */
const DRAIN_MS = 20;
const EBADF = -9;
const EINVAL = -22;

/** A running HTTP server; made by {@link serve}. */
export class Server implements Owner {
  /** Where it listens; the path of a Unix socket. Stays after `close`. */
  readonly address: ServerAddress | string;
  /** @internal */
  readonly handler: Handler;
  /** @internal */
  readonly reusesRequests: boolean;
  /** @internal */
  spare: Request | undefined;
  private readonly number: number;
  private readonly options: ServeOptions;
  private readonly mostConnections: number;
  private readonly connections = new Set<Connection>();
  private readonly acceptor: Coroutine<void>;
  private readonly counters = new Float64Array(6);
  /** Slot of the acceptor while it waits for a connection to end; else -1. */
  private waiter = -1;
  private closing: Coroutine<void> | undefined;
  private forgotten = false;
  private observing = false;

  /** @internal */
  constructor(handler: Handler, options: ServeOptions) {
    this.handler = functionOf('handler', handler);
    this.reusesRequests = isForgetful(handler);
    this.options = options;
    this.mostConnections = options.maxConnections ?? Infinity;
    this.number = listen(options);
    const address = httpAddress(this.number)!;
    // An inherited descriptor may be a Unix socket's, which has no port.
    this.address = options.path ?? (address[1] === 0 ? address[0] : addressFrom(address));
    this.acceptor = spawn(() => { this.accept(); }, { name: 'http accept' });
  }

  /** The port it listens on; 0 for a Unix socket. */
  get port(): number {
    return typeof this.address === 'string' ? 0 : this.address.port;
  }

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

  /**
   * Stops accepting at once, ends idle connections, and lets requests under way finish; their responses say
   * `Connection: close`. Connections that waited to be accepted still get their answer. The coroutine that is returned
   * ends when the last connection has: `join` or `await` it.
   *
   * @param options.deadline milliseconds after which the coroutines of what is still open are cancelled. Without it, a
   *   handler that does not end holds it up; clients do no longer than the limits allow
   * @param options.idle milliseconds for which idle connections may still bring a request, so that none is lost that is
   *   on its way. Default 0
   */
  close(options?: { deadline?: number; idle?: number }): Coroutine<void> {
    const { deadline = Infinity, idle = 0 } = options ?? {};
    numberIn('options.deadline', deadline, 0, Infinity);
    numberIn('options.idle', idle, 0, Infinity);
    if (!this.closing) {
      this.acceptTheRest();
      httpClose(this.number, idle === 0);
      if (this.options.path !== undefined) removeSocket(this.options.path);
      if (this.waiter >= 0) native.wake(this.waiter, 0);
      this.closing = spawn(() => { this.drain(idle); }, { name: 'http close' });
    }
    if (deadline !== Infinity) spawn(() => { this.cancelAfter(deadline); }, { name: 'http close deadline' });
    return this.closing;
  }

  /** For `using`: {@link close}. In a coroutine, parks until the last connection has ended. */
  [Symbol.dispose](): void {
    const closing = this.close();
    if (current()) closing.join();
  }

  /** Lets the process end although the server listens and has connections. */
  unref(): this {
    if (this.forgotten) return this;
    httpUnref(this.number);
    // Whether the loop stays alive is looked at after coroutines have run.
    spawn(() => undefined, { name: 'http unref' });
    return this;
  }

  /** From now on this server only looks at the program: its coroutines are none of the program's. @internal */
  observe(): void {
    this.observing = true;
    markObserver(this.acceptor);
  }

  /** @internal */
  report(error: unknown, request: Request): void {
    if (error instanceof CancelledError && this.closing) return;
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
        native.park(ParkKind.other, 0);
        this.waiter = -1;
        continue;
      }
      const number = httpAccept(this.number, true);
      if (number === EBADF) return;
      if (number === TOO_MANY_COROUTINES) sleep(CROWDED_MS);
      // Out of descriptors or memory, which are the only other ways to fail: the connection stays in the backlog.
      else if (number < 0 || !this.start(number)) sleep(PAUSE_MS);
    }
  }

  /** To their clients, the connections in the backlog are open: closing the listener would reset them. */
  private acceptTheRest(): void {
    for (let left = this.options.backlog ?? BACKLOG; left >= 0; left--) {
      const number = httpAccept(this.number, false);
      if (number < 0) return;
      this.start(number);
    }
  }

  /** False when there is no stack for it. */
  private start(number: number): boolean {
    const connection = new Connection(number, this);
    const options = { name: 'http connection', ...(this.options.stackSize !== undefined && { stackSize: this.options.stackSize }) };
    this.connections.add(connection);
    try {
      connection.coroutine = spawn(() => {
        connection.run();
        this.ended(connection);
      }, options);
      if (this.observing) markObserver(connection.coroutine);
    } catch (error) {
      connection.abandon();
      this.ended(connection);
      if (!(error instanceof StackMemoryError)) throw error;
      return false;
    }
    return true;
  }

  private ended(connection: Connection): void {
    this.connections.delete(connection);
    if (this.waiter >= 0) native.wake(this.waiter, 0);
  }

  private drain(idle: number): void {
    const began = performance.now();
    this.acceptor.join();
    while (this.connections.size > 0) {
      sleep(DRAIN_MS);
      httpClose(this.number, performance.now() - began >= idle);
    }
    httpStats(this.number, this.counters);
    this.forgotten = true;
    httpForget(this.number);
  }

  private cancelAfter(deadline: number): void {
    for (let left = deadline; left > 0 && this.connections.size > 0; left -= DRAIN_MS) sleep(Math.min(left, DRAIN_MS));
    for (const connection of this.connections) connection.coroutine?.cancel(new Error('the server was closed'));
  }
}

/**
 * A descriptor that listens on a TCP port with SO_REUSEPORT, for other processes to inherit and pass as `fd`.
 *
 * @internal
 */
export function listenFd(host: string, port: number): number {
  const fd = httpListenFd(host === 'localhost' ? '127.0.0.1' : host, port, undefined, BACKLOG, true);
  return fd >= 0 ? fd : failListen(fd, host, port);
}

/** Where it listens. @internal */
export function addressOfFd(fd: number): ServerAddress {
  return addressFrom(httpFdAddress(fd)!);
}

function addressFrom([address, port, ipv6]: readonly [host: string, port: number, ipv6: boolean]): ServerAddress {
  return { address, family: ipv6 ? 'IPv6' : 'IPv4', port };
}

function failListen(code: number, host: string, port: number): never {
  if (code !== EINVAL) throw systemError(code, 'listen', { address: host === '' ? '::' : host, port });
  throw Object.assign(new TypeError(`options.host must be a numeric address or localhost: ${host}`), {
    code: 'ERR_INVALID_IP_ADDRESS',
  });
}

function listen(options: ServeOptions): number {
  const { path, backlog = BACKLOG, reusePort = false } = options;
  const port = integerIn('options.port', options.port ?? 0, 0, 65535);
  integerIn('options.backlog', backlog, 1, MOST_BACKLOG);
  if (typeof reusePort !== 'boolean') throw invalidType('options.reusePort', 'a boolean', reusePort);
  if (path !== undefined && typeof path !== 'string') throw invalidType('options.path', 'a string', path);
  const fd = options.fd === undefined ? -1 : integerIn('options.fd', options.fd, 0, 2 ** 31 - 1);
  const mostCoroutines = numberIn('options.maxCoroutines', options.maxCoroutines ?? Infinity, 1, Infinity);
  if (options.maxConnections !== undefined) numberIn('options.maxConnections', options.maxConnections, 1, Infinity);
  if (options.onError !== undefined) functionOf('options.onError', options.onError);
  if (options.host !== undefined && typeof options.host !== 'string') {
    throw invalidType('options.host', 'a string', options.host);
  }
  const host = options.host === 'localhost' ? '127.0.0.1' : (options.host ?? '');
  const limits = limitNumbers(options.limits, options.shed);
  const number = httpListen(host, port, path, backlog, reusePort, fd, Math.min(mostCoroutines, 2 ** 32 - 1), limits);
  if (number >= 0) return number;
  if (fd >= 0) throw systemError(number, 'listen');
  if (path !== undefined) throw systemError(number, 'listen', { address: path });
  return failListen(number, host, port);
}

function removeSocket(path: string): void {
  // One in the abstract namespace goes by itself.
  if (path.startsWith('\0')) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}

function print(error: unknown, request: Request): void {
  const what = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  console.error(`stackful/http: ${request.method} failed: ${what}`);
}

/**
 * Starts an HTTP/1.1 server. Each connection has a coroutine of its own, in which `handler` is called with one request
 * after the other; it may park. Callable on the main stack and in a coroutine; listens when it returns.
 *
 * ```ts
 * const server = serve((request) => `Hello from ${request.path}\n`, { port: 8080 });
 * ```
 *
 * @throws system errors of `listen`: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`; `ERR_INVALID_IP_ADDRESS`,
 *   `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`
 */
export function serve(handler: Handler, options: ServeOptions = {}): Server {
  return new Server(handler, options);
}
