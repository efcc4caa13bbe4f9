import { current, running } from '../internal/current.js';
import { fail, wasTold } from '../internal/codes.js';
import { native } from '../internal/native.js';
import { IN_ATOMIC_SECTION, isInterruption } from '../internal/results.js';
import { simulating } from '../internal/simulating.js';

/** The type of Node's functions here: any. */
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What a parking form returns when the original has to make the call: its arguments are unusual, or the work is short. */
export const ORIGINAL = Symbol('original');

/** A replaced function shows its original under this name, also to other copies of this package. */
export const MARK = Symbol.for('stackful.patched');

/** A function that is replaced, and by what. */
export interface Target {
  /** As reports name it: `fs.readFileSync`. */
  readonly name: string;
  readonly holder: object;
  readonly key: string;
  /**
   * Makes the call in a coroutine that may park. Returns {@link ORIGINAL} before it has done anything where the original is to
   * make the call.
   */
  readonly park: (args: unknown[], receiver: unknown, original: AnyFunction) => unknown;
  /** It gives a descriptor back: an interruption does not keep it from that. */
  readonly closes?: boolean;
  /** Where it is not a function that users name: those whose calls go through it. */
  readonly covers?: readonly string[];
}

/** A replacement that stands in its place, or below that of somebody else. */
export class Replacement {
  /** Cleared by `unpatch`: whoever still has the function gets the original's behaviour. */
  on = true;
  readonly original: AnyFunction;
  readonly stand: AnyFunction;

  constructor(
    readonly target: Target,
    private readonly before: PropertyDescriptor,
  ) {
    // An accessor on Node 20: opendirSync.
    this.original = (target.holder as Record<string, AnyFunction>)[target.key]!;
    this.stand = standIn(this);
  }

  /** Whether the place holds what was put there. */
  get inPlace(): boolean {
    return (this.target.holder as Record<string, unknown>)[this.target.key] === this.stand;
  }

  put(): void {
    const { enumerable = false } = this.before;
    Object.defineProperty(this.target.holder, this.target.key, { value: this.stand, enumerable, writable: true, configurable: true });
  }

  restore(): void {
    Object.defineProperty(this.target.holder, this.target.key, this.before);
  }
}

/** Outside a coroutine it costs one comparison more than the original. */
function standIn(replacement: Replacement): AnyFunction {
  const { original, target } = replacement;
  const { name, park, closes = false } = target;
  const stand = function (this: unknown, ...args: unknown[]): unknown {
    if (running[0]! < 0 || !replacement.on || !mayPark(name, closes)) return Reflect.apply(original, this, args);
    const result = park(args, this, original);
    return result === ORIGINAL ? Reflect.apply(original, this, args) : result;
  };
  // Its name and length, and for instance `realpathSync.native`.
  for (const key of Reflect.ownKeys(original)) {
    if (key !== 'prototype') Object.defineProperty(stand, key, Object.getOwnPropertyDescriptor(original, key)!);
  }
  Object.defineProperty(stand, MARK, { value: original });
  return stand;
}

/**
 * Whether a call may park in this coroutine. Not in an atomic section or in simulated time, nor above frames that would be wrong after
 * a switch. An interruption ends the first call that could park; calls after it are those of `finally` blocks, which know nothing of
 * coroutines and have to clean up: they block.
 *
 * @throws CancelledError, TimeoutError, a signal's reason
 */
function mayPark(operation: string, closes: boolean): boolean {
  const code = running[1]!;
  if (code < 0) {
    if (closes || code === IN_ATOMIC_SECTION || !isInterruption(code) || wasTold(current()!, code)) return false;
    fail(code, operation);
  }
  return !simulating.on && native.mayPark() >= 0;
}
