import { Buffer } from 'node:buffer';

import { waitAsync } from '../async/wait_async.js';
import { ThreadError } from './errors.js';

const ID = 0;
/** Running, about to be cancelled, or ended. */
const STATE = 1;
/** Whether it can be joined: see `Fate` in ./thread.ts. */
const FATE = 2;
const NAME_BYTES = 3;
const NAME = 4;
const NAME_WORDS = 16;

const RUNNING = 0;
const CANCEL_REQUESTED = 1;
const ENDED = 2;

/** The longest name of a thread, in bytes of UTF-8. */
const LONGEST_NAME = NAME_WORDS * 4 - 1;

/** What the workers that know a thread share about it. */
export class ControlBlock {
  constructor(readonly words: Int32Array) {}

  static of(id: number): ControlBlock {
    const block = new ControlBlock(new Int32Array(new SharedArrayBuffer((NAME + NAME_WORDS) * 4)));
    block.words[ID] = id;
    return block;
  }

  get id(): number {
    return this.words[ID]!;
  }

  get name(): string {
    return this.nameBuffer.toString('utf8', 0, Atomics.load(this.words, NAME_BYTES));
  }

  set name(name: string) {
    Atomics.store(this.words, NAME_BYTES, this.nameBuffer.write(name));
  }

  private get nameBuffer(): Buffer {
    return Buffer.from(this.words.buffer as SharedArrayBuffer, NAME * 4, NAME_WORDS * 4);
  }

  get fate(): number {
    return Atomics.load(this.words, FATE);
  }

  set fate(fate: number) {
    Atomics.store(this.words, FATE, fate);
  }

  get cancelRequested(): boolean {
    return Atomics.load(this.words, STATE) === CANCEL_REQUESTED;
  }

  /** Asks the worker that runs the thread to cancel it; does nothing once the thread has ended. */
  requestCancel(): void {
    if (Atomics.compareExchange(this.words, STATE, RUNNING, CANCEL_REQUESTED) === RUNNING) Atomics.notify(this.words, STATE);
  }

  end(): void {
    Atomics.store(this.words, STATE, ENDED);
    Atomics.notify(this.words, STATE);
  }

  /** Calls `listener` once the state is another than running. Does not keep the process alive. */
  whenAskedToCancel(listener: () => void): void {
    const begun = waitAsync(this.words, STATE, RUNNING);
    if (begun.async) void begun.value.then(() => { if (this.cancelRequested) listener(); });
    else if (this.cancelRequested) listener();
  }
}

/** @throws ThreadError (`ERANGE`) */
export function checkName(operation: string, name: string): void {
  if (Buffer.byteLength(name) <= LONGEST_NAME) return;
  throw new ThreadError(operation, 'ERANGE', `a name has at most ${String(LONGEST_NAME)} bytes, and this one ${String(Buffer.byteLength(name))}`);
}
