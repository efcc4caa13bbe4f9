import { withSignal } from '../coroutine/signal.js';
import { withDescriptor } from '../fs/descriptor.js';
import { fstat, type File } from '../fs/file.js';
import { dataOf, functionOf, integerIn, invalidType } from '../internal/arguments.js';
import { signalIn, type ParkOptions } from '../internal/parking.js';
import { Pacer } from '../schedule/pacer.js';
import { Connection } from './connection.js';
import { failSocket } from './failure.js';
import { netBreak, netBuffered, netEnd, netFlush, netSendFile, netWrite, netWritev } from './native.js';

/** The options of `pacedWrite`. */
export interface PacedWriteOptions extends ParkOptions {
  /** How many bytes go at a time, 1 to 65536. Default 1448: what a packet of TCP holds on Ethernet. */
  chunk?: number;
}

const KNOWN = new Set(['signal', 'chunk']);
const CHUNK = 1448;
const MOST_CHUNK = 65_536;

/** The sending half of a socket. */
export abstract class Sending extends Connection {
  /** How many calls of `cork` are under way. */
  private corks = 0;

  /** How many bytes were received and not yet returned to a caller. @internal */
  abstract get unread(): number;

  /** How many bytes writes have taken that the system does not have yet: see {@link write}. */
  get buffered(): number {
    return netBuffered(this.handle);
  }

  /**
   * Sends all of `data`; text as UTF-8. Returns when the system has taken it. Parks.
   *
   * While the socket holds received bytes that no call has returned yet (requests that came in one packet), and inside
   * {@link cork}, small writes are put off, up to 16 KiB, and go out together: with the first write that is not, with
   * {@link flush}, {@link end} or {@link close}, and at the latest before the thread waits for anything. When such bytes cannot be
   * sent, the next call that writes, or reads from the system, throws the error of `write`. Bytes that wait for room keep the
   * process alive. Over TLS no write is put off: {@link writev} puts parts together.
   *
   * @throws SocketBrokenError (`ERR_SOCKET_BROKEN`) when an earlier write was interrupted in the middle
   */
  write(data: string | Uint8Array, options?: ParkOptions): void {
    const signal = signalIn('socket.write', options);
    if (signal) {
      withSignal(signal, () => { this.write(data); });
      return;
    }
    dataOf('data', data);
    const result = netWrite(this.handle, data, this.corks > 0 || this.unread > 0);
    if (result < 0) this.fail(result, 'socket.write', 'write');
  }

  /**
   * Sends all of `data` in chunks, each of them when `pacer` lets it go, so that a queue on the way does not have to hold all at once.
   * Several calls, of several sockets as well, may share a pacer. Other coroutines must not write to the socket meanwhile: what they
   * write would come between the chunks. Parks; throws as {@link write}, and a call that ends early between two chunks leaves the
   * socket broken.
   *
   * @example
   * ```ts
   * import { Pacer, spawn } from 'stackful';
   * import { connect, listen } from 'stackful/net';
   *
   * await spawn(() => {
   *   using listener = listen({ host: '127.0.0.1', port: 0 });
   *   using socket = connect({ host: '127.0.0.1', port: listener.address.port });
   *   using peer = listener.accept();
   *   socket.pacedWrite('one, two, three', new Pacer(1000), { chunk: 5 }); // 5 bytes a millisecond
   *   console.log(String(peer.readExactly(15))); // one, two, three
   * });
   * ```
   */
  pacedWrite(data: string | Uint8Array, pacer: Pacer, options?: PacedWriteOptions): void {
    const signal = signalIn('socket.pacedWrite', options, KNOWN);
    const chunk = options?.chunk === undefined ? CHUNK : integerIn('options.chunk', options.chunk, 1, MOST_CHUNK);
    if (!(pacer instanceof Pacer)) throw invalidType('pacer', 'an instance of Pacer', pacer);
    const given = dataOf('data', data);
    if (signal) {
      withSignal(signal, () => { this.pacedWrite(data, pacer, { chunk }); });
      return;
    }
    const bytes = typeof given === 'string' ? Buffer.from(given) : given;
    let sent = 0;
    try {
      do {
        pacer.wait();
        const result = netWrite(this.handle, bytes.subarray(sent, sent + chunk), false);
        if (result < 0) this.fail(result, 'socket.pacedWrite', 'write');
        sent += chunk;
      } while (sent < bytes.length);
    } catch (error) {
      if (sent > 0) netBreak(this.handle);
      throw error;
    }
  }

  /**
   * Runs `fn`, whose small writes to this socket go out together when it returns, as {@link write} says; also when it throws, at
   * the latest before the thread waits for anything. Over TLS each goes out by itself. Returns what `fn` returns. Parks.
   *
   * @example
   * ```ts
   * import { spawn } from 'stackful';
   * import { connect, listen } from 'stackful/net';
   *
   * await spawn(() => {
   *   using listener = listen({ host: '127.0.0.1', port: 0 });
   *   using socket = connect({ host: '127.0.0.1', port: listener.address.port });
   *   using peer = listener.accept();
   *   socket.cork(() => {
   *     for (const word of ['one ', 'packet, ', 'three ', 'writes']) socket.write(word);
   *     console.log(socket.buffered); // 24
   *   });
   *   console.log(socket.buffered, String(peer.read())); // 0 one packet, three writes
   * });
   * ```
   */
  cork<R>(fn: () => R): R {
    functionOf('fn', fn);
    this.corks++;
    let result: R;
    try {
      result = fn();
    } finally {
      this.corks--;
    }
    if (this.corks === 0) this.flush();
    return result;
  }

  /** Sends what writes have put off; returns when the system has taken it. Parks. */
  flush(options?: ParkOptions): void {
    const signal = signalIn('socket.flush', options);
    if (signal) {
      withSignal(signal, () => { this.flush(); });
      return;
    }
    const result = netFlush(this.handle);
    if (result < 0) this.fail(result, 'socket.flush', 'write');
  }

  /** Sends all parts of `list` as one write; over TLS small ones share a record. Parks; throws as {@link write}. */
  writev(list: readonly (string | Uint8Array)[], options?: ParkOptions): void {
    const signal = signalIn('socket.writev', options);
    if (signal) {
      withSignal(signal, () => { this.writev(list); });
      return;
    }
    if (!Array.isArray(list)) throw invalidType('list', 'an array', list);
    // A copy, so that the parts that are sent are the ones that were checked.
    const parts = [...(list as readonly (string | Uint8Array)[])];
    for (const part of parts) {
      if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
        throw invalidType('list', 'of strings and instances of Buffer or Uint8Array', part);
      }
    }
    const result = netWritev(this.handle, parts);
    if (result < 0) this.fail(result, 'socket.writev', 'write');
  }

  /**
   * Sends part of a file, from the page cache straight to the connection. Returns the number of bytes sent:
   * fewer than `length` when the file ends before. Parks.
   *
   * @param file an open file, or its descriptor
   * @param offset in bytes; default 0
   * @param length in bytes; default: to the end of the file
   */
  sendFile(file: File | number, offset = 0, length?: number, options?: ParkOptions): number {
    const signal = signalIn('socket.sendFile', options);
    if (signal) return withSignal(signal, () => this.sendFile(file, offset, length));
    integerIn('offset', offset, 0, Number.MAX_SAFE_INTEGER);
    if (length !== undefined) integerIn('length', length, 0, Number.MAX_SAFE_INTEGER);
    return withDescriptor(file, 'sendfile', (fd) => {
      const most = length ?? Math.max(0, fstat(fd).size - offset);
      if (most === 0) return 0;
      // No file reaches beyond the safe integers: offsets have 63 bits.
      const end = Math.min(offset + most, Number.MAX_SAFE_INTEGER);
      const result = netSendFile(this.handle, fd, offset, end - offset);
      return result < 0 ? this.fail(result, 'socket.sendFile', 'sendfile') : result;
    });
  }

  /**
   * Sends the end of the stream, after writes under way and what writes have put off, for which it may park. Outside a coroutine it
   * does not park: the end follows what has been put off. Reading is still possible. Throws as {@link write}.
   */
  end(): void {
    const result = netEnd(this.handle);
    if (result < 0) this.fail(result, 'socket.end', 'shutdown');
  }

  /** @internal */
  fail(code: number, operation: string, syscall: string): never {
    failSocket(this.handle, code, operation, syscall);
  }
}
