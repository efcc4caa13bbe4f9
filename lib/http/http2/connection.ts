import { spawn, type Coroutine } from '../../coroutine/coroutine.js';
import { StackMemoryError } from '../../coroutine/errors.js';
import { shield } from '../../coroutine/shield.js';
import { ParkKind } from '../../internal/kinds.js';
import { native } from '../../internal/native.js';
import { REQUEST_OVER } from '../../internal/results.js';
import type { TlsInfo } from '../../tls/info.js';
import { ClientLeftError } from '../errors.js';
import { Exchange, type Owner } from '../exchange.js';
import { cannotHandOver, Heir, type Successor } from '../hand_over.js';
import { HEAD_ASKS_FOR_TUNNEL } from '../native.js';
import {
  FIRST_STREAM,
  SEND_REST,
  STREAM_BEGINS,
  STREAM_LEFT,
  http2Done,
  http2Next,
  http2OpenTunnel,
  http2SendRest,
  http2Shed,
  http2Start,
} from './native.js';
import { Tunnel } from './tunnel.js';

/** The connection that streams are of. */
export interface Carrier {
  readonly number: number;
  readonly tls: TlsInfo | undefined;
  remote(): readonly [host: string, port: number];
}

/** What a stream becomes. */
class TunnelHeir extends Heir {
  constructor(readonly tunnel: Tunnel, successor: Successor) {
    super(successor);
  }

  protected close(): void {
    this.tunnel.close();
  }
}

/** One request and its response; a coroutine of its own runs it. */
class Stream extends Exchange {
  constructor(
    number: number,
    owner: Owner,
    /** What describes its request's head. */
    readonly head: number,
    readonly carrier: Carrier,
  ) {
    super(number, owner);
  }

  protected get idleTitle(): string {
    return 'http2 stream';
  }

  get tls(): TlsInfo | undefined {
    return this.carrier.tls;
  }

  /** A stream is no socket. */
  handOver(): never {
    throw cannotHandOver(REQUEST_OVER);
  }

  openTunnel(successor: Successor, lines: string): Tunnel {
    const code = this.head & HEAD_ASKS_FOR_TUNNEL ? http2OpenTunnel(this.number, lines) : REQUEST_OVER;
    if (code < 0) throw cannotHandOver(code);
    const tunnel = new Tunnel(this.number);
    this.heir = new TunnelHeir(tunnel, successor);
    this.watched = undefined;
    if (this.owner.isClosing) successor.serverCloses();
    return tunnel;
  }

  /** The protocol that it has become hears of that by itself. */
  override clientLeft(gone: boolean): void {
    if (!this.heir) super.clientLeft(gone);
  }

  /** Never parks. */
  serverCloses(): void {
    this.heir?.successor.serverCloses();
  }

  remote(): readonly [host: string, port: number] {
    return this.carrier.remote();
  }

  /** Parks; never throws. */
  run(): void {
    const { number } = this;
    if (!this.owner.sheds || !http2Shed(this.carrier.number, number)) this.answer(this.owner, number, this.head);
    this.heir?.end();
    this.number = -1;
    http2Done(number);
  }
}

/**
 * The streams of this thread by their numbers, less {@link FIRST_STREAM}. A Map for each connection would be made anew again and
 * again while hundreds of short streams come and go: 8 % of a small request.
 */
const streams: (Stream | undefined)[] = [];

/** What {@link http2Next} says of a stream. Its values are read before anything else can run. */
const event = new Int32Array(2);

/** The loop of a connection that speaks HTTP/2: a coroutine runs it, and starts one for each stream. */
export class Http2Connection {
  private count = 0;
  private sender: Coroutine<void> | undefined;
  /** Why the streams that are left are cancelled at the end; by default, their client has left. */
  reason: unknown;
  /** Slot of the connection's coroutine while it waits for the last of its others; else -1. */
  private waiter = -1;

  constructor(
    private readonly carrier: Carrier,
    private readonly owner: Owner,
    private readonly stackSize: number | undefined,
  ) {}

  /** Answers requests until the connection is over, and all that it has begun has ended. Parks; never throws. */
  run(): void {
    const { number } = this.carrier;
    if (http2Start(number) === 0) this.loop(number);
    this.end();
  }

  private loop(number: number): void {
    for (;;) {
      const what = http2Next(number, event);
      if (what === STREAM_BEGINS) this.begin(event[0]!, event[1]!);
      else if (what === STREAM_LEFT) streams[event[0]! - FIRST_STREAM]?.clientLeft(true);
      else if (what === SEND_REST) this.sendRest(number);
      else return;
    }
  }

  /** Never parks. */
  serverCloses(): void {
    for (const stream of streams) if (stream?.carrier === this.carrier) stream.serverCloses();
  }

  private begin(number: number, head: number): void {
    const stream = new Stream(number, this.owner, head, this.carrier);
    streams[number - FIRST_STREAM] = stream;
    this.count++;
    try {
      stream.coroutine = spawn(() => {
        stream.run();
        this.ended(number);
      }, this.stackSize === undefined ? undefined : { stackSize: this.stackSize });
      stream.coroutine.nameBy(() => stream.title);
    } catch (error) {
      http2Done(number);
      this.ended(number);
      if (!(error instanceof StackMemoryError)) throw error;
    }
  }

  private sendRest(number: number): void {
    try {
      this.sender = spawn(() => {
        http2SendRest(number);
        this.sender = undefined;
        this.wakeWaiter();
      }, { name: 'http2 sender' });
    } catch (error) {
      if (!(error instanceof StackMemoryError)) throw error;
      // No memory for another stack: this coroutine sends, and reads nothing meanwhile.
      http2SendRest(number);
    }
  }

  private ended(number: number): void {
    streams[number - FIRST_STREAM] = undefined;
    this.count--;
    this.wakeWaiter();
  }

  private wakeWaiter(): void {
    if (this.waiter >= 0) native.wake(this.waiter, 0);
  }

  private end(): void {
    for (const stream of streams) {
      if (stream?.carrier !== this.carrier) continue;
      if (this.reason === undefined) stream.clientLeft(true);
      else stream.cancel(this.reason);
    }
    this.sender?.cancel(this.reason ?? new ClientLeftError());
    if (this.count === 0 && !this.sender) return;
    // Also for a connection that was cancelled: its streams are on it.
    shield(() => {
      this.waiter = native.current();
      while (this.count > 0 || this.sender) native.park(ParkKind.other, 0);
      this.waiter = -1;
    });
  }
}
