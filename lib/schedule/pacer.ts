/**
 * Rate-based clocking: the use that "Soft timers: efficient microsecond software timer support for network processing" (Mohit Aron
 * and Peter Druschel, SOSP 1999) has for its timers. Events follow each other at the interval of the rate that is wanted. When the
 * average since the beginning has fallen behind, because the thread was busy, they come at the interval of the highest rate that is
 * allowed, until it has been made up for. A train that waits for something else than the pacer would have to catch up without end, so
 * only as much as `burst` is.
 */
import { withSignal } from '../coroutine/signal.js';
import { integerIn, numberIn } from '../internal/arguments.js';
import { check } from '../internal/codes.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { signalIn, type ParkOptions } from '../internal/parking.js';
import { checkTurn } from '../internal/turn.js';

/** How a {@link Pacer} catches up. */
export interface PacerOptions {
  /** The most events a second while it catches up. Default: four times the rate. */
  maxRate?: number;
  /** How many events it may be behind; what is beyond that is given up. Default: those of 10 ms, and one at least. */
  burst?: number;
}

const KNOWN = new Set(['maxRate', 'burst']);
const LEAST_RATE = 0.001;
const MOST_RATE = 1e6;
const SECOND_MS = 1000;
const CATCH_UP = 4;
/** Of a second. */
const BURST = 1 / 100;

/**
 * Spaces events, such as the packets of a stream, the requests of a crawler, or the frames of a video, at a rate. Coroutines that share
 * one get the rate together, in the order of their calls. Its times are those of {@link softTimer}: to a microsecond where the thread is
 * busy with coroutines that park often.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { Pacer, spawn } from 'stackful';
 *
 * await spawn(() => {
 *   const pacer = new Pacer(1000); // a second
 *   const began = performance.now();
 *   for (let sent = 0; sent < 6; sent++) pacer.wait(); // the first one at once
 *   console.log(performance.now() - began > 3.9); // true
 * });
 * ```
 */
export class Pacer {
  /** Milliseconds from one event to the next: usually, and at least. */
  readonly #interval: number;
  readonly #least: number;
  /** How far the plan may be behind, in milliseconds. */
  readonly #most: number;
  /** When the next is due by the plan; when the last one went, or will. */
  #due = -Infinity;
  #last = -Infinity;

  /** @param rate events a second, 0.001 to 1,000,000 */
  constructor(rate: number, options: PacerOptions = {}) {
    numberIn('rate', rate, LEAST_RATE, MOST_RATE);
    knownOptions('Pacer', options, KNOWN);
    const { maxRate = Math.min(CATCH_UP * rate, CATCH_UP * MOST_RATE), burst = Math.max(1, Math.round(rate * BURST)) } = options;
    numberIn('options.maxRate', maxRate, rate, CATCH_UP * MOST_RATE);
    integerIn('options.burst', burst, 0, MOST_RATE);
    this.#interval = SECOND_MS / rate;
    this.#least = SECOND_MS / maxRate;
    this.#most = burst * this.#interval;
  }

  /**
   * Returns when the next event may happen. Parks. A call that ends early has used its place up.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`)
   */
  wait(options?: ParkOptions): void {
    const signal = signalIn('pacer.wait', options);
    if (signal) {
      withSignal(signal, () => { this.wait(); });
      return;
    }
    checkTurn('pacer.wait');
    const now = native.now();
    const due = this.#last === -Infinity ? now : Math.max(this.#due, now - this.#most);
    const at = Math.max(due, this.#last + this.#least);
    this.#due = due + this.#interval;
    this.#last = Math.max(at, now);
    if (at <= now) return;
    check(native.sleepSoftly(at - now), 'pacer.wait');
    // It was late, and the next one must not follow too soon.
    this.#last = Math.max(this.#last, native.now());
  }
}
