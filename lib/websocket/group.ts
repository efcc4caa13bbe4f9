import { invalidType, integerIn, oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { checkInterruption } from '../internal/parking.js';
import { TRY_AGAIN_LATER } from './close_codes.js';
import { BINARY, COMPRESSED, FINAL, TEXT, wsBroadcast } from './native.js';
import { frameOf } from './sending.js';
import type { WebSocket } from './websocket.js';

/** The options of {@link broadcast}. */
export interface BroadcastOptions {
  /** One that does not get it: its author, say. */
  except?: WebSocket;
  /**
   * What becomes of a socket whose peer does not read, so that more than `maxBufferedBytes` would wait for it: `'close'`, with the code
   * 1013; `'skip'`, it does not get this message. Default `'close'`.
   */
  slow?: 'close' | 'skip';
  /** The most bytes of broadcasts that wait for one socket; a single message always may. Default 1 MiB. */
  maxBufferedBytes?: number;
}

const KNOWN = new Set(['except', 'slow', 'maxBufferedBytes']);
const USUAL_BUFFERED = 1024 * 1024;

/** Sockets that get the same frame. */
interface Kind {
  readonly frame: Buffer;
  /** What was compressed for it. */
  readonly compressed: Uint8Array | undefined;
  readonly sockets: WebSocket[];
}

/**
 * Sends one message to many sockets: it is framed and, where that was agreed upon, compressed once, and no socket waits for another.
 * What a socket does not take at once waits for it, in order, before what is sent to it later. Sockets that are not open are passed
 * over. Returns how many sockets get it. Parks only to compress a long message.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { broadcast, connect, type WebSocket } from 'stackful/websocket';
 *
 * const all = new Set<WebSocket>();
 * const server = serve((request) => {
 *   const socket = request.upgrade();
 *   all.add(socket);
 *   for (const message of socket) broadcast(all, message, { except: socket });
 * }, { host: '127.0.0.1' });
 * await spawn(() => {
 *   using ann = connect(`ws://127.0.0.1:${server.port}/`);
 *   using bob = connect(`ws://127.0.0.1:${server.port}/`);
 *   ann.send('hello');
 *   console.log(bob.receive()); // hello
 * });
 * await server.close();
 * ```
 */
export function broadcast(sockets: Iterable<WebSocket>, message: string | Uint8Array, options: BroadcastOptions = {}): number {
  if (typeof message !== 'string' && !(message instanceof Uint8Array)) throw invalidType('message', 'a string or a Uint8Array', message);
  knownOptions('broadcast', options, KNOWN);
  const { except, slow = 'close', maxBufferedBytes = USUAL_BUFFERED } = options;
  oneOf('options.slow', slow, ['close', 'skip']);
  integerIn('options.maxBufferedBytes', maxBufferedBytes, 0, Number.MAX_SAFE_INTEGER);
  checkInterruption('broadcast');
  let reached = 0;
  for (const kind of kindsOf(sockets, message, except)) reached += sendTo(kind, slow, maxBufferedBytes);
  return reached;
}

/** Sockets by the frame that they get. A client's frames have a mask, one that serves for all of them. */
function kindsOf(sockets: Iterable<WebSocket>, message: string | Uint8Array, except: WebSocket | undefined): Iterable<Kind> {
  const kinds = new Map<number, Kind>();
  // A copy: the caller may change its own while some wait, to which later messages may refer, and have lost one that was lent to it.
  let copy: Buffer | undefined;
  // First: compressing may park, and what is iterated over may change then.
  const all = [...sockets];
  const { length } = message;
  for (const socket of all) {
    if (socket === except || socket.state !== 'open') continue;
    const { deflate, masks } = socket;
    const compresses = deflate !== undefined && length >= deflate.threshold;
    const key = (compresses ? deflate.windowBits : 0) * 2 + Number(masks);
    let kind = kinds.get(key);
    if (!kind) {
      if (compresses) copy ??= Buffer.from(message as Uint8Array);
      const first = FINAL | (typeof message === 'string' ? TEXT : BINARY);
      const frame = compresses ? frameOf(first | COMPRESSED, deflate.compressAlone(copy!), masks) : frameOf(first, copy ?? message, masks);
      kind = { frame, compressed: compresses ? copy : undefined, sockets: [] };
      kinds.set(key, kind);
    }
    kind.sockets.push(socket);
  }
  return kinds.values();
}

function sendTo({ frame, compressed, sockets }: Kind, slow: 'close' | 'skip', most: number): number {
  const results = new Int32Array(sockets.length);
  for (let i = 0; i < sockets.length; i++) results[i] = sockets[i]!.readyHandle;
  const queued = results.map((handle) => Number(handle < 0));
  wsBroadcast(results, frame);
  let reached = 0;
  for (let i = 0; i < sockets.length; i++) {
    const socket = sockets[i]!;
    if (results[i] === 0) {
      if (compressed) socket.deflate!.sent(compressed);
      reached++;
    } else if ((results[i]! > 0 || queued[i] === 1) && enqueue(socket, frame, compressed, slow, most)) {
      reached++;
    }
  }
  return reached;
}

function enqueue(socket: WebSocket, frame: Buffer, compressed: Uint8Array | undefined, slow: 'close' | 'skip', most: number): boolean {
  if (socket.state !== 'open') return false;
  if (socket.enqueue(frame, most, compressed)) return true;
  if (slow === 'close') socket.closeLater(TRY_AGAIN_LATER);
  return false;
}

/**
 * Sockets that get the same messages. Those that have closed leave it with the next broadcast.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { connect, Group } from 'stackful/websocket';
 *
 * const room = new Group();
 * const server = serve((request) => {
 *   const socket = request.upgrade();
 *   room.add(socket);
 *   for (const message of socket) room.broadcast(message);
 * }, { host: '127.0.0.1' });
 * await spawn(() => {
 *   using socket = connect(`ws://127.0.0.1:${server.port}/`);
 *   socket.send('all');
 *   console.log(socket.receive(), room.size); // all 1
 * });
 * await server.close();
 * ```
 */
export class Group implements Iterable<WebSocket> {
  private readonly members = new Set<WebSocket>();

  /** Its sockets to begin with. */
  constructor(sockets: Iterable<WebSocket> = []) {
    for (const socket of sockets) this.add(socket);
  }

  /** How many sockets are in it. */
  get size(): number {
    return this.members.size;
  }

  /** Puts a socket in. */
  add(socket: WebSocket): this {
    this.members.add(socket);
    return this;
  }

  /** Whether a socket is in it. */
  has(socket: WebSocket): boolean {
    return this.members.has(socket);
  }

  /** Takes a socket out; false when it was not in. */
  delete(socket: WebSocket): boolean {
    return this.members.delete(socket);
  }

  /** Its sockets. */
  [Symbol.iterator](): Iterator<WebSocket> {
    return this.members.values();
  }

  /** As {@link broadcast}, to the sockets of this group. Parks only to compress a long message. */
  broadcast(message: string | Uint8Array, options?: BroadcastOptions): number {
    for (const socket of this.members) if (socket.state === 'closed') this.members.delete(socket);
    return broadcast(this.members, message, options);
  }
}
