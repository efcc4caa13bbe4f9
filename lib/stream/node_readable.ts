import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { WaitQueue } from '../internal/parking.js';
import { PrematureCloseError } from './errors.js';
import type { NodeReadable } from './kinds.js';
import type { Chunk, Pull } from './sources.js';

interface Stateful extends NodeReadable {
  readableEnded?: boolean;
  readableEncoding?: BufferEncoding | null;
  destroyed?: boolean;
  errored?: Error | null;
  destroy?(): void;
}

const OPERATION = 'readable.read';

/** A stream of Node's as a source. Its listeners are removed when it ends, fails or is closed. */
export class NodePull implements Pull {
  readonly closesAtEnd = false;
  private readonly readable: Stateful;
  private readonly waiting = new WaitQueue();
  private over: { error?: unknown } | undefined;
  private readonly wake = () => { this.waiting.wakeAll(); };
  private readonly onEnd = () => { this.finish({}); };
  private readonly onError = (error: unknown) => { this.finish({ error }); };
  private readonly onClose = () => {
    // A stream whose bytes have all been read has emitted 'end' before. Those that have arrived and were not read are not given any
    // more, as by Node's own iterator: the reader learns that the stream is not whole.
    this.finish({ error: this.readable.errored ?? new PrematureCloseError(OPERATION) });
  };

  constructor(readable: NodeReadable) {
    this.readable = readable;
    const { readableEnded, destroyed, errored } = this.readable;
    if (readableEnded) this.over = {};
    else if (destroyed) this.over = { error: errored ?? new PrematureCloseError(OPERATION) };
    else for (const [event, listener] of this.listeners()) readable.on(event, listener);
  }

  next(): Chunk | null {
    for (;;) {
      if (this.over) {
        if ('error' in this.over) throw this.over.error;
        return null;
      }
      const chunk = this.readable.read() as Chunk | null;
      if (chunk !== null) {
        const { readableEncoding } = this.readable;
        return typeof chunk === 'string' && readableEncoding ? Buffer.from(chunk, readableEncoding) : chunk;
      }
      // Reading may have brought the end.
      if (!this.ended) parkShown(this.waiting, ParkKind.other, OPERATION);
    }
  }

  close(): void {
    const { readable } = this;
    if (this.over) return;
    this.finish({ error: new PrematureCloseError(OPERATION) });
    // No call is left that could throw the error that its destruction brings, and without a listener it would end the process.
    readable.on('error', () => undefined);
    readable.destroy?.();
  }

  private listeners(): [string, (...args: unknown[]) => void][] {
    return [['readable', this.wake], ['end', this.onEnd], ['error', this.onError], ['close', this.onClose]];
  }

  private get ended(): boolean {
    return this.over !== undefined;
  }

  private finish(over: { error?: unknown }): void {
    this.over ??= over;
    for (const [event, listener] of this.listeners()) this.readable.off(event, listener);
    this.waiting.wakeAll();
  }
}
