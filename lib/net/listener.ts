import { constants } from 'node:fs';

import { withSignal } from '../coroutine/signal.js';
import { sleep } from '../coroutine/sleep.js';
import { invalidType, INT_MAX, integerIn } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { knownOptions } from '../internal/options.js';
import { chmodSync, statSync } from '../internal/originals.js';
import { signalIn, type ParkOptions } from '../internal/parking.js';
import { admitting, descriptorsAreShort } from '../schedule/admission.js';
import type { TlsListener } from '../tls/listener.js';
import type { TlsServerOptions } from '../tls/terms.js';
import {
  addressOf,
  checkEndpoint,
  type EndpointOptions,
  type SocketAddress,
} from './address.js';
import { SocketClosedError } from './errors.js';
import { failSocket } from './failure.js';
import { addressesOf } from './host.js';
import { CLOSED, netAccept, netAdopt, netClose, netDescriptor, netListen } from './native.js';
import { encodeListenOptions, LISTEN_OPTION_NAMES, type ListenerOptions } from './listen_options.js';
import { blockListOf, isBlocked, type BlockListLike } from './options.js';
import { secure } from './secure.js';
import { Socket } from './socket.js';
import { SocketFile } from './socket_file.js';

/** The options of {@link listen}. */
export interface ListenOptions extends EndpointOptions, ListenerOptions {
  /**
   * The descriptor of a socket that listens already, instead of port, host and path: the listener takes it over. Only `signal` and
   * `blockList` go with it.
   */
  fd?: number;
  /** Aborting it closes the listener. */
  signal?: AbortSignal;
  /** How many connections may wait to be accepted. Default 511. */
  backlog?: number;
  /**
   * Lets several listeners, also of other processes, share the port; the kernel spreads connections over
   * them. Default false.
   */
  reusePort?: boolean;
  /** Speaks TLS, with the options of `listen` of `stackful/tls`. The result is a TlsListener. */
  tls?: TlsServerOptions;
}

/**
 * Shortages of descriptors or memory, which pass. The connection stays in the backlog.
 */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
const SHORTAGE_PAUSE_MS = 20;
/** How often it is looked for descriptors again while admission finds them short. */
const SHORT_MS = 5;
const KNOWN = new Set(['port', 'host', 'path', 'backlog', 'reusePort', 'fd', 'signal', 'tls', ...LISTEN_OPTION_NAMES]);
const KNOWN_WITH_FD = new Set(['fd', 'signal', 'blockList', 'tls']);

/** What a listener knows besides its socket. @internal */
export interface ListenerTraits {
  ownsFile?: boolean;
  blockList?: BlockListLike;
  allowHalfOpen?: boolean;
}

const abandoned = new FinalizationRegistry<number>(netClose);

/**
 * A socket that accepts connections. {@link listen} makes one.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { connect, listen } from 'stackful/net';
 *
 * const listener = listen({ host: '127.0.0.1', port: 0 });
 * const server = spawn(() => {
 *   for (const socket of listener) {
 *     spawn(() => {
 *       using connection = socket;
 *       for (const chunk of connection) connection.write(chunk); // an echo
 *     });
 *   }
 *   return 'no more connections';
 * });
 * await spawn(() => {
 *   using socket = connect({ host: '127.0.0.1', port: listener.address.port });
 *   socket.write('echo');
 *   console.log(String(socket.readExactly(4))); // echo
 *   listener.close();
 * });
 * console.log(await server); // no more connections
 * ```
 */
export class Listener implements Iterable<Socket>, Disposable {
  /** Where it listens; for port 0, `port` is the one that the system chose. */
  readonly address: SocketAddress;
  /** @internal */
  handle: number;
  private readonly file: SocketFile | undefined;
  private readonly blockList: BlockListLike | undefined;
  /** @internal */
  protected readonly allowHalfOpen: boolean | undefined;
  private forgetSignal: (() => void) | undefined;

  /** @internal */
  constructor(handle: number, { ownsFile = true, blockList, allowHalfOpen }: ListenerTraits = {}) {
    this.handle = handle;
    this.blockList = blockList;
    this.allowHalfOpen = allowHalfOpen;
    this.address = addressOf(handle, false)!;
    if (ownsFile && this.address.family === 'Unix') this.file = SocketFile.at(this.address.address);
    abandoned.register(this, handle, this);
  }

  /** Closes the listener when `signal` is aborted. @internal */
  closeOn(signal: AbortSignal): void {
    const close = () => { this.close(); };
    signal.addEventListener('abort', close, { once: true });
    this.forgetSignal = () => { signal.removeEventListener('abort', close); };
    if (signal.aborted) close();
  }

  /**
   * The next connection. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
   *   signal's reason, SocketClosedError (`ERR_SOCKET_CLOSED`) after `close`; `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: the
   *   connection stays for the next call, which should come after a pause
   */
  accept(options?: ParkOptions): Socket {
    const signal = signalIn('listener.accept', options);
    if (signal) return withSignal(signal, () => this.accept());
    for (;;) {
      while (admitting && this.handle !== CLOSED && current() && descriptorsAreShort()) sleep(SHORT_MS);
      const result = netAccept(this.handle);
      if (result < 0) failSocket(this.handle, result, 'listener.accept', 'accept');
      if (!this.blockList || !this.isRefused(result, this.blockList)) return this.connection(result);
      netClose(result);
    }
  }

  /** Whether the peer of an accepted connection is on the block list. */
  private isRefused(handle: number, list: BlockListLike): boolean {
    const peer = addressOf(handle, true);
    try {
      return peer !== undefined && peer.family !== 'Unix' && isBlocked(list, peer.address);
    } catch (error) {
      // No caller gets the connection.
      netClose(handle);
      throw error;
    }
  }

  /** What `accept` returns for a connection's number. @internal */
  protected connection(handle: number): Socket {
    return new Socket(handle, this.allowHalfOpen);
  }

  /** Connections, until the listener is closed. In a shortage of descriptors or memory it tries again every 20 ms. Parks. */
  [Symbol.iterator](): Iterator<Socket, undefined> {
    let warned = false;
    const next = (): IteratorResult<Socket, undefined> => {
      for (;;) {
        try {
          return { done: false, value: this.accept() };
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (error instanceof SocketClosedError) return { done: true, value: undefined };
          if (!code || !SHORTAGES.has(code)) throw error;
          if (!warned) process.emitWarning(`${(error as Error).message}: connections have to wait`, { code });
          warned = true;
        }
        sleep(SHORTAGE_PAUSE_MS);
      }
    };
    return { next };
  }

  /**
   * Stops listening. Every `accept` that is parked throws a SocketClosedError; a loop over the listener ends. The file of a
   * Unix socket is removed, unless another file has taken its place. Never parks.
   */
  close(): void {
    const handle = this.handle;
    if (handle === CLOSED) return;
    this.handle = CLOSED;
    abandoned.unregister(this);
    this.forgetSignal?.();
    this.file?.remove();
    netClose(handle);
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.handle === CLOSED;
  }

  /** The system's descriptor, which stays the listener's; -1 when closed. */
  get fd(): number {
    return Math.max(CLOSED, netDescriptor(this.handle));
  }
}

/**
 * Listens on a TCP port or a Unix socket; without `host`, on every address, IPv4 and IPv6. Parks only to look
 * up a host name.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_SOCKET_BAD_PORT`),
 *   the system's errors with Node's codes (`EADDRINUSE`, `EACCES`, ...)
 *
 * @example
 * ```ts
 * import { listen } from 'stackful/net';
 *
 * const listener = listen({ host: '127.0.0.1', port: 0 });
 * console.log(listener.address.port > 0); // true
 * listener.close();
 * ```
 */
export function listen(options: ListenOptions & { tls: TlsServerOptions }): TlsListener;
export function listen(options: ListenOptions): Listener;
export function listen(options: ListenOptions): Listener {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  const { tls } = options;
  if (tls) return secure().listen(tls, { ...options, tls: undefined });
  return openListener(options, (handle, traits) => new Listener(handle, traits));
}

/** Listens; `make` makes the listener of its number. Throws, and parks, as {@link listen}. @internal */
export function openListener<L extends Listener>(options: ListenOptions, make: (handle: number, traits: ListenerTraits) => L): L {
  const { fd, signal } = options;
  if (fd !== undefined) return adopt(fd, options, make);
  knownOptions('listen', options, KNOWN);
  checkEndpoint(options);
  const { path, port = -1, host, backlog = 511, reusePort = false } = options;
  integerIn('options.backlog', backlog, 0, INT_MAX);
  if (typeof reusePort !== 'boolean') throw invalidType('options.reusePort', 'a boolean', reusePort);
  const encode = (at: string) => encodeListenOptions(options, path === undefined ? (at.includes(':') ? 'IPv6' : 'IPv4') : 'Unix');
  encode('');
  signal?.throwIfAborted();
  // Of IPv6 alone, "any address" is its own.
  const address = path ?? (host ? addressesOf(host, {})[0]! : options.ipv6Only ? '::' : '');
  const result = netListen(address, port, backlog, reusePort, Int32Array.from(encode(address || '::')));
  if (result < 0) {
    const at = path === undefined ? { address: address || '::', port } : { address: path };
    failSocket(CLOSED, result, 'listen', 'listen', at);
  }
  const listener = make(result, { blockList: blockListOf(options.blockList), allowHalfOpen: options.allowHalfOpen });
  allowAll(listener, path, options);
  if (signal) listener.closeOn(signal);
  return listener;
}

function adopt<L extends Listener>(fd: number, options: ListenOptions, make: (handle: number, traits: ListenerTraits) => L): L {
  knownOptions('listen with fd', options, KNOWN_WITH_FD);
  integerIn('options.fd', fd, 0, INT_MAX);
  const blockList = blockListOf(options.blockList);
  options.signal?.throwIfAborted();
  const result = netAdopt(fd, true);
  if (result < 0) failSocket(fd, result, 'listen', 'listen', { address: `fd ${String(fd)}` });
  // Who made the socket removes its file.
  const listener = make(result, { ownsFile: false, blockList });
  if (options.signal) listener.closeOn(options.signal);
  return listener;
}

/** Who may connect to the file of a Unix socket. */
function allowAll(listener: Listener, path: string | undefined, { readableAll, writableAll }: ListenOptions): void {
  if (!path || path.startsWith('\0') || !(readableAll || writableAll)) return;
  try {
    const read = constants.S_IRUSR | constants.S_IRGRP | constants.S_IROTH;
    const write = constants.S_IWUSR | constants.S_IWGRP | constants.S_IWOTH;
    chmodSync(path, statSync(path).mode | (readableAll ? read : 0) | (writableAll ? write : 0));
  } catch (error) {
    listener.close();
    throw error;
  }
}
