import { Barrier, partiesOf, type BarrierCore } from './barrier.js';
import { cancellationPoint } from './cancellation.js';
import { OWN, SharedCore } from './shared_core.js';
import type { ObjectOptions } from './thread_object.js';

const PARTIES = OWN;
/** The number of the round, and below it in the word how many threads wait. */
const STATE = OWN + 1;
const WORDS = 2;

const ROUND_SHIFT = 15;
const WAITING_MASK = (1 << ROUND_SHIFT) - 1;
const roundOf = (state: number) => state >>> ROUND_SHIFT;
const waitingOf = (state: number) => state & WAITING_MASK;

/** The barrier of threads in several workers. */
export class SharedBarrierCore extends SharedCore implements BarrierCore {
  constructor(words: number | Int32Array = WORDS) {
    super(words);
  }

  static of(parties: number): SharedBarrierCore {
    const core = new SharedBarrierCore();
    core.words[PARTIES] = partiesOf(parties);
    return core;
  }

  get parties(): number {
    return this.words[PARTIES]!;
  }

  override get busy(): boolean {
    return waitingOf(this.state) > 0;
  }

  wait(): boolean {
    cancellationPoint('barrier.wait');
    const before = this.arrive();
    if (waitingOf(before) === this.parties - 1) {
      this.announce();
      return true;
    }
    const round = roundOf(before);
    try {
      this.waitUntil('barrier.wait', () => roundOf(this.state) !== round);
    } catch (error) {
      // If all have come meanwhile, this thread was one of them, and its next call ends early instead.
      if (this.leave(round)) throw error;
    }
    return false;
  }

  private get state(): number {
    return Atomics.load(this.words, STATE);
  }

  /** Counts this thread; the last one begins the next round. Returns the state before. */
  private arrive(): number {
    for (;;) {
      const { state } = this;
      const last = waitingOf(state) === this.parties - 1;
      const next = last ? (roundOf(state) + 1) << ROUND_SHIFT : state + 1;
      if (Atomics.compareExchange(this.words, STATE, state, next) === state) return state;
    }
  }

  /** Takes this thread out of the count of the round; false: the round is over. */
  private leave(round: number): boolean {
    for (let { state } = this; roundOf(state) === round; { state } = this) {
      if (Atomics.compareExchange(this.words, STATE, state, state - 1) === state) return true;
    }
    return false;
  }
}

/** The `Barrier` of `over('workers')`. */
export class SharedBarrier extends Barrier {
  constructor(parties: number, options: ObjectOptions = {}, core: BarrierCore = SharedBarrierCore.of(parties)) {
    super(parties, options, core);
  }
}
