import { fail } from '../internal/codes.js';
import { current } from '../internal/current.js';
import { openLimits, type Ender } from '../internal/limits.js';
import { native } from '../internal/native.js';

/** One of the four calls that run a function inside a limit: `timeout`, `withSignal`, `scope`, `shield`. */
export interface LimitKind {
  /** For errors about the call itself. */
  operation: string;
  /** Of the addon: the number of a limit that the running coroutine is in from then on, or a code. */
  enter: (ms: number) => number;
  /** Whether a clock or a signal may end the calls inside, and not only other coroutines: then waiting there is no deadlock. */
  outside: boolean;
}

/**
 * Runs `body(fn, ender, number)` inside a limit, and leaves it afterwards. Nothing is called between the entry and the `try`: a
 * stack that overflows there would leave the coroutine in the limit for good.
 *
 * @param ms the time limit; other kinds have none
 * @param ender what ends the calls inside, and says why; a shield, which ends none, has none
 * @param body a function of the module, so that no closure is made for each call
 */
export function within<F, E extends Ender | undefined, R>(
  kind: LimitKind,
  ms: number,
  ender: E,
  body: (fn: F, ender: E, number: number) => R,
  fn: F,
): R {
  const outside = kind.outside ? current() : undefined;
  const number = kind.enter(ms);
  if (number < 0) fail(number, kind.operation);
  try {
    openLimits[number] = ender;
    if (outside) outside.limits++;
    return body(fn, ender, number);
  } finally {
    if (outside) outside.limits--;
    // The number will be another limit's.
    openLimits[number] = undefined;
    native.limitLeave();
  }
}
