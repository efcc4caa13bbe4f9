import { isIP } from 'node:net';
import { constants } from 'node:os';

import { running } from '../internal/current.js';
import { native } from '../internal/native.js';
import { Waiter, WaitQueue } from '../internal/parking.js';
import type { Calls } from '../internal/outside.js';
import { EAGAIN, EBADF, ECONNRESET, EOPNOTSUPP, EPIPE, ETIMEDOUT, NOT_IN_COROUTINE } from '../internal/results.js';
import type { Faults } from './faults.js';

const { EADDRINUSE, ECONNREFUSED, EISCONN } = constants.errno;
/** The kinds of native/sched/park_reason.h, for dumps and stories. */
const enum Kind { read = 18, write = 19, accept = 20 }
/** Numbers of simulated sockets count down from here, where no real one is before there are two million. */
const HIGHEST = 0x7fffffff;
/** Bytes on the way in one direction before a write waits. */
const WINDOW = 256 * 1024;
const MOST_READ = 64 * 1024;
const FIRST_PORT = 49152;

interface Chunk {
  readonly bytes: Buffer;
  /** When it is there, on the simulated clock. */
  readonly arrives: number;
}

/** One end of a connection. */
class End {
  peer: End | undefined;
  closed = false;
  /** What has been sent here and not read; the end of the stream comes behind it. */
  readonly chunks: Chunk[] = [];
  ended = false;
  sentEnd = false;
  /** The connection was reset: the next call says so, once. */
  reset = false;
  over = false;
  private unread = 0;
  private lastArrival = 0;
  readonly readers = new WaitQueue();
  readonly writers = new WaitQueue();

  constructor(readonly handle: number, readonly local: Address, readonly remote: Address) {}

  receive(bytes: Buffer, delay: number): void {
    // A stream keeps its order.
    this.lastArrival = Math.max(this.lastArrival, native.now() + delay);
    this.chunks.push({ bytes, arrives: this.lastArrival });
    this.unread += bytes.length;
    this.readers.wakeAll();
  }

  take(most: number): Buffer {
    const parts: Buffer[] = [];
    let length = 0;
    const now = native.now();
    while (length < most && this.chunks.length > 0 && this.chunks[0]!.arrives <= now) {
      const { bytes, arrives } = this.chunks.shift()!;
      const part = bytes.subarray(0, most - length);
      if (part.length < bytes.length) this.chunks.unshift({ bytes: bytes.subarray(part.length), arrives });
      parts.push(part);
      length += part.length;
    }
    this.unread -= length;
    if (length > 0) this.writers.wakeAll();
    return Buffer.concat(parts);
  }

  get full(): boolean {
    return this.unread >= WINDOW;
  }

  /** A reset comes from the network: what was on the way is lost. */
  cut(): void {
    this.reset = this.over = true;
    this.chunks.length = 0;
    this.unread = 0;
    this.readers.wakeAll();
    this.writers.wakeAll();
    this.peer?.writers.wakeAll();
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

class Listening {
  readonly waiting: End[] = [];
  readonly acceptors = new WaitQueue();
  closed = false;

  constructor(readonly handle: number, readonly at: Address) {}
}

/** Parks until woken, or for `ms`: 0, or the code of what ended the wait. */
function wait(queue: WaitQueue, kind: Kind, handle: number, ms = -1): number {
  const waiter = new Waiter('a call on a simulated socket');
  queue.push(waiter);
  const code = waiter.prepare() || native.parkFor(kind, handle, ms);
  queue.remove(waiter);
  return code < 0 && code !== ETIMEDOUT ? code : 0;
}

/** What a parking call would end with here, before it does anything; or 0. */
function refusal(): number {
  return running[0]! < 0 ? NOT_IN_COROUTINE : running[1]!;
}

/**
 * TCP and Unix sockets of a simulation: connected to each other in memory, on the simulated clock. A connection is there at once and
 * bytes take no time, unless `faults` says otherwise. What was opened before the run goes on as outside.
 */
export class Network {
  private readonly ends = new Map<number, End>();
  private readonly listeners = new Map<number, Listening>();
  private readonly bound = new Map<string, Listening>();
  private nextHandle = HIGHEST;
  private nextPort = FIRST_PORT;

  constructor(private readonly faults: Faults) {}

  calls(real: Calls): Calls {
    const own: Calls = {
      netListen: (host: string, port: number) => this.listen(host, port),
      netConnect: (host: string, port: number) => this.connect(host, port),
    };
    const mine: Calls = {
      netAccept: (handle: number) => this.accept(handle),
      netClose: (handle: number) => { this.close(handle); },
      netAddress: (handle: number, ofPeer: boolean) => this.address(handle, ofPeer),
      netRead: (handle: number, max: number) => this.read(handle, max),
      netReadInto: (handle: number, to: Uint8Array, offset: number, length: number) => {
        const result = this.read(handle, length);
        if (typeof result === 'number') return result;
        to.set(result, offset);
        return result.length;
      },
      netWrite: (handle: number, data: string | Uint8Array) => this.write(handle, Buffer.from(data as string)),
      netWritev: (handle: number, parts: readonly (string | Uint8Array)[]) => (
        this.write(handle, Buffer.concat(parts.map((part) => Buffer.from(part as string))))),
      netEnd: (handle: number) => this.end(handle),
      netLookAgain: (handle: number) => { this.ends.get(handle)?.readers.wakeAll(); },
      netFlush: () => 0,
      netBuffered: () => 0,
      netFlushError: () => 0,
      netSetOptions: () => 0,
      netDescriptor: () => -1,
    };
    for (const name of Object.keys(real)) {
      if (!name.startsWith('net') || name in own) continue;
      const simulated = mine[name] ?? (() => EOPNOTSUPP);
      own[name] = (handle: number, ...rest: unknown[]) => (this.owns(handle) ? simulated : real[name]!)(handle, ...rest);
    }
    return own;
  }

  /** A number that is of a socket of this run, open or not. */
  private owns(handle: number): boolean {
    return handle > this.nextHandle;
  }

  private listen(host: string, port: number): number {
    const at = { host: host || '::', port: port === 0 ? this.nextPort++ : port };
    const key = keyOf(at.host, at.port);
    if (this.bound.has(key)) return -EADDRINUSE;
    const listening = new Listening(this.nextHandle--, at);
    this.listeners.set(listening.handle, listening);
    this.bound.set(key, listening);
    return listening.handle;
  }

  private connect(host: string, port: number): number {
    const refused = refusal();
    if (refused) return refused;
    const fault = this.faults.connecting(`${host}:${String(port)}`);
    if (fault) return fault;
    const listening = this.bound.get(keyOf(host, port));
    if (!listening) return -ECONNREFUSED;
    const from = { host, port: port < 0 ? -1 : this.nextPort++ };
    const near = new End(this.nextHandle--, from, { host, port });
    const far = new End(this.nextHandle--, { host, port }, from);
    near.peer = far;
    far.peer = near;
    this.ends.set(near.handle, near).set(far.handle, far);
    listening.waiting.push(far);
    listening.acceptors.wakeOne();
    return near.handle;
  }

  private accept(handle: number): number {
    for (;;) {
      const refused = refusal();
      if (refused) return refused;
      const listening = this.listeners.get(handle);
      if (!listening) return this.ends.has(handle) ? -EISCONN : EBADF;
      if (listening.waiting.length > 0) return this.faults.accepting(listening.at.port) || listening.waiting.shift()!.handle;
      const code = wait(listening.acceptors, Kind.accept, handle);
      if (code) return code;
    }
  }

  private read(handle: number, max: number): Buffer | number {
    for (let first = true; ; first = false) {
      const refused = refusal();
      if (refused) return refused;
      const end = this.ends.get(handle);
      if (!end) return EBADF;
      if (first && !end.over && this.faults.resets('read')) this.reset(end);
      if (end.reset) {
        end.reset = false;
        return ECONNRESET;
      }
      const [chunk] = end.chunks;
      const now = native.now();
      if (chunk && chunk.arrives <= now) {
        return end.take(this.faults.shorter('socket.read', Math.min(max, MOST_READ, sum(end.chunks, now))));
      }
      if (end.over || (!chunk && end.ended)) return 0;
      const code = wait(end.readers, Kind.read, handle, chunk ? chunk.arrives - now : -1);
      if (code) return code;
      // Another reader may have made it available otherwise.
      if (!this.ends.has(handle)) return EBADF;
      if (end.chunks.length === 0 && !end.ended && !end.over) return EAGAIN;
    }
  }

  private write(handle: number, bytes: Buffer): number {
    // A copy: the caller may change what it has sent.
    const copy = Buffer.from(bytes);
    for (let first = true; ; first = false) {
      const refused = refusal();
      if (refused) return refused;
      const end = this.ends.get(handle);
      if (!end) return EBADF;
      if (end.sentEnd) return EPIPE;
      if (first && !end.over && this.faults.resets('write')) this.reset(end);
      if (end.reset) {
        end.reset = false;
        return ECONNRESET;
      }
      const { peer } = end;
      if (end.over || !peer || peer.closed) return EPIPE;
      if (!peer.full) {
        if (copy.length > 0) peer.receive(copy, this.faults.delay());
        return 0;
      }
      const code = wait(peer.writers, Kind.write, handle);
      if (code) return code;
    }
  }

  private end(handle: number): number {
    const end = this.ends.get(handle);
    if (!end) return EBADF;
    end.sentEnd = true;
    if (end.peer) {
      end.peer.ended = true;
      end.peer.readers.wakeAll();
    }
    return 0;
  }

  private reset(end: End): void {
    end.peer?.cut();
    end.cut();
  }

  private close(handle: number): void {
    const listening = this.listeners.get(handle);
    if (listening) {
      this.listeners.delete(handle);
      this.bound.delete(keyOf(listening.at.host, listening.at.port));
      for (const far of listening.waiting) far.peer?.cut();
      listening.acceptors.wakeAll();
      return;
    }
    const end = this.ends.get(handle);
    if (!end) return;
    // As the kernel does: whoever closes with bytes unread resets the connection.
    const unread = end.chunks.length > 0;
    this.ends.delete(handle);
    end.closed = true;
    end.readers.wakeAll();
    end.writers.wakeAll();
    const { peer } = end;
    if (!peer) return;
    if (unread) peer.cut();
    peer.ended = true;
    peer.readers.wakeAll();
  }

  private address(handle: number, ofPeer: boolean): [host: string, port: number, family: 4 | 6 | 0] | undefined {
    const end = this.ends.get(handle);
    const at = end ? (ofPeer ? end.remote : end.local) : ofPeer ? undefined : this.listeners.get(handle)?.at;
    if (!at) return undefined;
    return [at.host, at.port, at.port < 0 ? 0 : isIP(at.host) === 6 ? 6 : 4];
  }
}

function sum(chunks: readonly Chunk[], now: number): number {
  return chunks.reduce((bytes, one) => (one.arrives <= now ? bytes + one.bytes.length : bytes), 0);
}

/** All addresses of the machine are one. */
function keyOf(host: string, port: number): string {
  return port < 0 ? host : String(port);
}
