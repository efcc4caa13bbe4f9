import { TimeoutError } from '../coroutine/errors.js';

/**
 * One call of `timeout`.
 *
 * @example
 * ```ts
 * import { sleep, spawn, timeout } from 'stackful';
 *
 * const within = await spawn(() => timeout(5, (whole) => {
 *   try {
 *     timeout(60_000, () => sleep(70_000));
 *   } catch (error) {
 *     return whole.caused(error) ? 'the whole took too long' : 'the step took too long';
 *   }
 * }));
 * console.log(within); // the whole took too long
 * ```
 */
export class TimeoutScope {
  /** @internal */
  constructor(
    /** The limit, in milliseconds. */
    readonly ms: number,
  ) {}

  /** Whether `error` is the TimeoutError of this timeout, and of none around or inside it. */
  caused(error: unknown): error is TimeoutError {
    return error instanceof TimeoutError && error.scope === this;
  }
}

/** What ends the calls inside a limit: a time limit, or an abort signal or a scope, which have a reason. */
export type Ender = TimeoutScope | { readonly reason: unknown };

/**
 * The enders of the limits that coroutines of this thread are in, by the number that native/binding/limits.cc gives a limit: an
 * interrupted call reads here what ended it. A shield has none.
 */
export const openLimits: (Ender | undefined)[] = [];
