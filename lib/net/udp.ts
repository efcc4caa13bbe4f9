import { isIPv6 } from 'node:net';

import { withSignal } from '../coroutine/signal.js';
import { booleanOf, dataOf, invalidType, invalidValue, oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { addressOf, portOf, type SocketAddress } from './address.js';
import { SocketClosedError } from './errors.js';
import { failSocket } from './failure.js';
import { CLOSED, netClose, udpBind, udpConnect, udpOpen, udpReceive, udpSend, udpSendMany, type Host } from './native.js';
import {
  encodeOptions, IPPROTO_IPV6, IPV6_V6ONLY, SOL_SOCKET, SO_BROADCAST, SO_REUSEADDR, SO_REUSEPORT, triple, type SocketOptions,
} from './options.js';
import { Datagram, hostOf, textOf, type UdpEndpoint } from './udp_address.js';
import { UdpOptionCalls } from './udp_options.js';

/** The options of a {@link UdpSocket}. */
export interface UdpOptions extends Pick<SocketOptions, 'recvBufferSize' | 'sendBufferSize' | 'typeOfService'> {
  /** Default: that of the first address that is bound or connected to, else 4. */
  family?: 4 | 6 | 'IPv4' | 'IPv6';
  /** Several sockets may bind the same address, and all receive its multicast datagrams. Default false. */
  reuseAddr?: boolean;
  /** Several sockets share the port, and the kernel spreads datagrams over them. Default false. */
  reusePort?: boolean;
  /** IPv6: no datagrams of IPv4. Default false. */
  ipv6Only?: boolean;
  /** Datagrams may be sent to broadcast addresses. Default false. */
  broadcast?: boolean;
}

/** One of the messages of `sendMany`. */
export interface UdpMessage extends UdpEndpoint {
  /** Text is sent as UTF-8. */
  data: string | Uint8Array;
}

const OPTIONS = ['family', 'reuseAddr', 'reusePort', 'ipv6Only', 'broadcast', 'recvBufferSize', 'sendBufferSize', 'typeOfService'];
const KNOWN = new Set(OPTIONS);
const KNOWN_TO_BIND = new Set([...OPTIONS, 'port', 'host', 'address']);
/** The most messages of one system call. */
const MOST_AT_ONCE = 64;

const abandoned = new FinalizationRegistry<number>(netClose);
const nothing: (Buffer | Host)[] = [];

/**
 * A UDP socket. One system call receives what has come, up to 16 datagrams, for as many calls of {@link receive}.
 *
 * Several coroutines may use one socket; those that wait for datagrams get them in order of arrival. Every call that parks throws
 * NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine, CancelledError (`ERR_CANCELLED`) and TimeoutError (`ERR_TIMEOUT`)
 * when it is interrupted; every call throws SocketClosedError (`ERR_SOCKET_CLOSED`) after `close`, and the system's errors with Node's
 * codes. `ECONNREFUSED` ends the next `send` or `receive` of a connected socket, once, after the network has reported that nobody
 * listens where it is connected to.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { UdpSocket } from 'stackful/net';
 *
 * const echo = UdpSocket.bind({ host: '127.0.0.1', port: 0 });
 * spawn(() => {
 *   for (const datagram of echo) echo.send(datagram.data, datagram);
 * });
 * await spawn(() => {
 *   using socket = new UdpSocket();
 *   socket.connect(echo.address.port, '127.0.0.1');
 *   socket.send('hello');
 *   console.log(String(socket.receive().data)); // hello
 *   echo.close();
 * });
 * ```
 */
export class UdpSocket extends UdpOptionCalls implements Iterable<Datagram>, Disposable {
  private readonly options: UdpOptions;
  private isClosed = false;
  private bound = false;
  private connected = false;
  /** What the last system call received: bytes, host and port of each. */
  private batch = nothing;
  private taken = 0;

  /**
   * A socket that is bound to no address yet. Never parks.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
   */
  constructor(options: UdpOptions = {}) {
    super();
    knownOptions('UdpSocket', options, KNOWN);
    oneOf('options.family', options.family, [undefined, 4, 6, 'IPv4', 'IPv6']);
    for (const key of ['reuseAddr', 'reusePort', 'ipv6Only', 'broadcast'] as const) {
      if (options[key] !== undefined) booleanOf(`options.${key}`, options[key]);
    }
    encodeOptions(options, 'IPv4');
    this.options = options;
  }

  /** A socket bound to an address: as `new UdpSocket(options).bind(options)`. Parks only to look up a name. */
  static override bind(options: UdpOptions & UdpEndpoint = {}): UdpSocket {
    knownOptions('UdpSocket.bind', options, KNOWN_TO_BIND);
    const { port, host, address, ...others } = options;
    const socket = new UdpSocket(others);
    try {
      return socket.bind({ port, host, address });
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /**
   * Receives from now on what is sent to this address: without `host`, to any of this machine; without a port, to one that the
   * system chooses. Parks only to look up a name.
   *
   * @throws Error (`ERR_SOCKET_ALREADY_BOUND`); `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`
   */
  bind(where: number | UdpEndpoint = 0, host?: string): this {
    const to = endpoint(where, host);
    const port = portOf('Port', to.port ?? 0, 0);
    this.open(to.host);
    if (this.bound) throw stateError('ERR_SOCKET_ALREADY_BOUND', 'The socket is bound already');
    const at = hostOf(to.host ?? (this.family === 6 ? '::' : '0.0.0.0'), this.family);
    const result = udpBind(this.handle, at, port);
    if (result < 0) failSocket(this.handle, result, 'udp.bind', 'bind', { address: textOf(at), port });
    this.bound = true;
    return this;
  }

  /**
   * Sends to this address from now on, and receives only from there. Without `host` it is this machine. Parks only to look up a name.
   *
   * @throws Error (`ERR_SOCKET_DGRAM_IS_CONNECTED`), RangeError (`ERR_SOCKET_BAD_PORT`), the system's errors
   */
  connect(where: number | UdpEndpoint, host?: string): this {
    const to = endpoint(where, host);
    const port = portOf('Port', to.port, 1);
    this.open(to.host);
    if (this.connected) throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    const at = hostOf(to.host ?? this.thisMachine(), this.family);
    const result = udpConnect(this.handle, at, port);
    if (result < 0) failSocket(this.handle, result, 'udp.connect', 'connect', { address: textOf(at), port });
    this.bound = this.connected = true;
    return this;
  }

  /** Ends what `connect` began. @throws Error (`ERR_SOCKET_DGRAM_NOT_CONNECTED`) */
  disconnect(): void {
    if (!this.connected) throw stateError('ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
    const result = udpConnect(this.handle, undefined, 0);
    if (result < 0) failSocket(this.handle, result, 'udp.disconnect', 'connect');
    this.connected = false;
  }

  /**
   * Sends one datagram: to the address that is given (`send(data, port, host)`, or `send(data, datagram)` to answer one), or where the
   * socket is connected. Text is sent as UTF-8. Parks while the system has no room, and to look up a name. Nobody is told whether it
   * arrives.
   *
   * @throws `EMSGSIZE` for more than 65,507 bytes (IPv4), `ENETUNREACH`, `EACCES` for a broadcast address without the option, ...
   */
  send(data: string | Uint8Array, to?: number | UdpEndpoint | Datagram, host?: string, options?: ParkOptions): void {
    const signal = signalIn('udp.send', options);
    if (signal) {
      withSignal(signal, () => { this.send(data, to, host); });
      return;
    }
    dataOf('data', data);
    if (to instanceof Datagram && !this.connected && this.handle !== CLOSED) {
      const result = udpSend(this.handle, data, to.from, to.port);
      if (result < 0) this.failSend(result, to.from, to.port);
      return;
    }
    const { at, port } = this.destination(to, host);
    const result = udpSend(this.handle, data, at, port);
    if (result < 0) this.failSend(result, at, port);
  }

  /**
   * Sends several datagrams with few system calls (`sendmmsg`), each to its own address or where the socket is connected. When one
   * cannot be sent the call throws; the error's `sent` says how many are out. Parks as {@link send}.
   */
  sendMany(messages: readonly UdpMessage[], options?: ParkOptions): void {
    const signal = signalIn('udp.sendMany', options);
    if (signal) {
      withSignal(signal, () => { this.sendMany(messages); });
      return;
    }
    if (!Array.isArray(messages)) throw invalidType('messages', 'an array', messages);
    const bytes: Uint8Array[] = [];
    const hosts: (Host | undefined)[] = [];
    const ports: number[] = [];
    for (const message of messages as readonly UdpMessage[]) {
      const { data } = message;
      dataOf('messages', data);
      const { at, port } = this.destination(message.port === undefined && this.connected ? undefined : message, undefined);
      bytes.push(typeof data === 'string' ? Buffer.from(data) : data);
      hosts.push(at);
      ports.push(port);
    }
    let sent = 0;
    try {
      checkpoint('udp.sendMany');
      while (sent < bytes.length) {
        const end = sent + MOST_AT_ONCE;
        const result = udpSendMany(this.handle, bytes.slice(sent, end), hosts.slice(sent, end), ports.slice(sent, end));
        if (result < 0) this.failSend(result, hosts[sent], ports[sent]!);
        sent += result;
      }
    } catch (error) {
      if (error instanceof Error) Object.assign(error, { sent });
      throw error;
    }
  }

  /** The next datagram. Parks. @throws Error (`ERR_SOCKET_DGRAM_NOT_BOUND`) when nobody could send to it */
  receive(options?: ParkOptions): Datagram {
    const signal = signalIn('udp.receive', options);
    if (signal) return withSignal(signal, () => this.receive());
    return this.next('udp.receive');
  }

  /**
   * Like {@link receive}, into a buffer of yours: `data` is the part of it that holds the datagram. What does not fit is lost, and
   * `truncated` says so. Parks.
   */
  receiveInto(buffer: Uint8Array, options?: ParkOptions): Datagram {
    const signal = signalIn('udp.receiveInto', options);
    if (signal) return withSignal(signal, () => this.receiveInto(buffer));
    if (!(buffer instanceof Uint8Array)) throw invalidType('buffer', 'an instance of Buffer or Uint8Array', buffer);
    const { data, from, port, size } = this.next('udp.receiveInto');
    const n = data.copy(buffer);
    return new Datagram(Buffer.from(buffer.buffer, buffer.byteOffset, n), from, port, size);
  }

  /** Datagrams, until the socket is closed. Parks. Leaving the loop does not close it. */
  [Symbol.iterator](): Iterator<Datagram, undefined> {
    return {
      next: () => {
        try {
          return { done: false, value: this.receive() };
        } catch (error) {
          if (error instanceof SocketClosedError) return { done: true, value: undefined };
          throw error;
        }
      },
    };
  }

  /** Every call that is parked on it throws a SocketClosedError; a loop over it ends. Never parks. */
  close(): void {
    this.isClosed = true;
    const handle = this.handle;
    if (handle === CLOSED) return;
    this.handle = CLOSED;
    this.batch = nothing;
    this.taken = 0;
    abandoned.unregister(this);
    netClose(handle);
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.isClosed;
  }

  /** Where it receives; port 0 before anything has bound it. @throws SocketClosedError (`ERR_SOCKET_CLOSED`) */
  get address(): SocketAddress {
    return this.end(false)!;
  }

  /** Where it is connected to; undefined when it is not. */
  get remoteAddress(): SocketAddress | undefined {
    return this.connected ? this.end(true) : undefined;
  }

  /**
   * Whether a call that receives, or sends, would not wait, which the system does not know: it would return a datagram of the
   * batch, throw because the socket is not bound, or be the socket's first. @internal
   */
  isReady(forWriting: boolean): boolean {
    if (this.isClosed) return false;
    return forWriting ? this.handle === CLOSED : this.taken < this.batch.length || !this.bound;
  }

  private end(ofPeer: boolean): SocketAddress | undefined {
    this.open(undefined);
    return addressOf(this.handle, ofPeer);
  }

  /** @internal */
  protected override open(host: string | undefined): number {
    if (this.isClosed) throw new SocketClosedError('udp');
    if (this.handle !== CLOSED) return this.handle;
    const { family, reuseAddr = false, reusePort = false, ipv6Only = false, broadcast = false } = this.options;
    this.family = family === 6 || family === 'IPv6' || (family === undefined && host !== undefined && isIPv6(host)) ? 6 : 4;
    const list = [
      ...(reuseAddr ? triple(SOL_SOCKET, SO_REUSEADDR, 1) : []),
      ...(reusePort ? triple(SOL_SOCKET, SO_REUSEPORT, 1) : []),
      ...(broadcast ? triple(SOL_SOCKET, SO_BROADCAST, 1) : []),
      ...(this.family === 6 ? triple(IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only) : []),
      ...encodeOptions(this.options, this.family === 6 ? 'IPv6' : 'IPv4'),
    ];
    const result = udpOpen(this.family === 6, Int32Array.from(list));
    if (result < 0) failSocket(CLOSED, result, 'udp', 'socket');
    abandoned.register(this, result, this);
    return (this.handle = result);
  }

  private thisMachine(): string {
    return this.family === 6 ? '::1' : '127.0.0.1';
  }

  private destination(to: number | UdpEndpoint | undefined, host: string | undefined): { at: Host | undefined; port: number } {
    if (to === undefined && this.connected) return { at: undefined, port: 0 };
    const { port, host: name } = endpoint(to, host);
    if (this.connected) throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    const checked = portOf('Port', port, 1);
    this.open(name);
    // The system binds it to a port of its choice.
    this.bound = true;
    return { at: hostOf(name ?? this.thisMachine(), this.family), port: checked };
  }

  private failSend(code: number, at: Host | undefined, port: number): never {
    failSocket(this.handle, code, 'udp.send', 'send', at === undefined ? undefined : { address: textOf(at), port });
  }

  /** The next datagram of the batch, or of the next one. Parks. */
  private next(operation: string): Datagram {
    if (this.taken < this.batch.length) checkpoint(operation);
    while (this.taken >= this.batch.length) {
      if (!this.bound && !this.isClosed) {
        throw stateError('ERR_SOCKET_DGRAM_NOT_BOUND', `${operation}: the socket is bound to no address, so nothing can come`);
      }
      const result = udpReceive(this.handle);
      if (result === 0) continue;
      if (typeof result === 'number') return failSocket(this.handle, result, operation, 'recvmsg');
      // Another coroutine's batch came first, while this one was woken.
      this.batch = this.taken < this.batch.length ? [...this.batch.slice(this.taken), ...result] : result;
      this.taken = 0;
    }
    if (this.isClosed) throw new SocketClosedError(operation);
    const { batch, taken } = this;
    this.taken += 3;
    return new Datagram(batch[taken] as Buffer, batch[taken + 1] as Host, batch[taken + 2] as number);
  }
}

function endpoint(where: number | UdpEndpoint | undefined, host: string | undefined): { port?: number; host?: string } {
  const given = typeof where === 'object' && where !== null ? where : undefined;
  const name = given ? given.host ?? given.address : host;
  if (name !== undefined && typeof name !== 'string') throw invalidType('host', 'a string', name);
  if (name?.includes('\0')) throw invalidValue('host', 'a name without null bytes', name);
  return { port: given ? given.port : (where as number | undefined), host: name || undefined };
}

function stateError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
