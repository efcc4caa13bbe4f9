import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { checkParking, checkpoint, WaitQueue } from '../internal/parking.js';
import { PrematureCloseError, WriteAfterEndError } from './errors.js';
import type { NodeWritable } from './kinds.js';
import type { Push } from './sinks.js';

interface Stateful extends NodeWritable {
  destroyed?: boolean;
  errored?: Error | null;
  writableEnded?: boolean;
  writableFinished?: boolean;
  writableNeedDrain?: boolean;
  destroy?(error?: Error): void;
}

export const WRITE = 'writable.write';
export const END = 'writable.end';

/** A writable stream of Node's as a sink. It listens to it until it is closed; there is one for each stream. */
export class NodePush implements Push {
  private static readonly all = new WeakMap<object, NodePush>();

  static of(writable: NodeWritable): NodePush {
    let push = this.all.get(writable);
    if (!push) this.all.set(writable, push = new NodePush(writable));
    return push;
  }

  private readonly writable: Stateful;
  private readonly waiting = new WaitQueue();
  private failure: { error: unknown } | undefined;
  private finished = false;
  /** Not all streams tell that they were ended. */
  private ended = false;
  private readonly wake = () => { this.waiting.wakeAll(); };

  private constructor(writable: NodeWritable) {
    this.writable = writable;
    const { destroyed, errored, writableFinished } = this.writable;
    this.finished = writableFinished === true;
    if (destroyed && !this.finished) this.failure = { error: errored ?? new PrematureCloseError(WRITE) };
    if (destroyed) return;
    const onFinish = () => {
      this.finished = true;
      this.wake();
    };
    const onError = (error: unknown) => {
      this.failure ??= { error };
      this.wake();
    };
    const onClose = () => {
      if (!this.finished) this.failure ??= { error: this.writable.errored ?? new PrematureCloseError(WRITE) };
      // The listener for errors stays: one that comes after the close would end the process.
      writable.off('drain', this.wake);
      writable.off('finish', onFinish);
      writable.off('close', onClose);
      this.wake();
    };
    writable.on('drain', this.wake);
    writable.on('finish', onFinish);
    writable.on('error', onError);
    writable.on('close', onClose);
  }

  write(data: Uint8Array): void {
    checkpoint(WRITE);
    checkParking(WRITE);
    // What earlier writes have left in its buffer goes first.
    while (this.writable.writableNeedDrain && !this.over && !this.wasEnded) parkShown(this.waiting, ParkKind.other, WRITE);
    this.check();
    if (this.wasEnded) throw new WriteAfterEndError(WRITE);
    if (this.writable.write(data)) return;
    // Not all streams say that they need one.
    let drained = false;
    const onDrain = () => { drained = true; };
    this.writable.on('drain', onDrain);
    try {
      while (!drained && !this.over) parkShown(this.waiting, ParkKind.other, WRITE);
    } finally {
      this.writable.off('drain', onDrain);
    }
    if (this.failure) throw this.failure.error;
  }

  end(): void {
    checkpoint(END);
    checkParking(END);
    if (!this.wasEnded && !this.over) {
      this.ended = true;
      this.writable.end();
      // Writes that wait for a place in its buffer come too late.
      this.wake();
    }
    while (!this.over) parkShown(this.waiting, ParkKind.other, END);
    this.check();
  }

  close(error?: Error | null): void {
    this.writable.destroy?.(error ?? undefined);
  }

  private get wasEnded(): boolean {
    return this.ended || this.writable.writableEnded === true;
  }

  private get over(): boolean {
    return this.finished || this.failure !== undefined;
  }

  private check(): void {
    if (this.failure) throw this.failure.error;
  }
}
