import { refuse } from '../internal/options.js';
import type { Importance } from '../schedule/importance.js';
import type { Priority } from '../schedule/policy.js';
import type { BvtGroup, BvtOptions } from '../schedule/share.js';

/** The options of `spawn`. */
export interface SpawnOptions {
  /** Shown by `dump()` and in errors; the function's own name if absent. */
  name?: string;
  /**
   * Address space reserved for the stack, in bytes, from 128 KiB to 64 MiB; rounded up to a power of two, 256 KiB at least.
   * The stack takes memory page by page as it deepens, and gives it back after it has been shallow for a while. 90 KiB of it
   * are kept for native code; a recursion past the rest throws a RangeError, as on the main stack. Default 256 KiB.
   */
  stackSize?: number;
  /**
   * Which of several ready coroutines runs first, under the scheduling policy `'priority'`. If no policy was configured,
   * this option puts `'priority'` in force. Default `'normal'`.
   */
  priority?: Priority;
  /**
   * How much time it gets, and how soon, under the scheduling policy `'bvt'`: a share of its own, or the group whose share it
   * counts against. If no policy was configured, this option puts `'bvt'` in force. Default: a share of weight 1, or the group
   * of the coroutine that spawns it while `'bvt'` is in force.
   */
  bvt?: BvtOptions | BvtGroup;
  /**
   * `'low'`: work that has time, such as indexing or copying. It gives way to everything else, in this process and on the machine,
   * by what it notices at its calls of `reportProgress`. Default `'normal'`.
   */
  importance?: Importance;
  /** Aborting it cancels the coroutine, with the signal's reason. */
  signal?: AbortSignal;
  /**
   * How long it may compute without waiting, in milliseconds (1 to 5000); then, at the next loop iteration or call, other
   * coroutines run first. 0: no limit. A slice never ends in `atomic`, in native functions that call back, nor in Node's own
   * JavaScript. Default: `timeSlice` of `configure`.
   */
  timeSlice?: number;
}

const KNOWN = new Set(['name', 'stackSize', 'priority', 'signal', 'timeSlice', 'bvt', 'importance']);

/** Refuses unknown options; a `switch`, which is faster than the set, because `spawn(fn, { name })` is frequent. @internal */
export function checkSpawnOptions(options: SpawnOptions): void {
  for (const key in options) {
    switch (key) {
      case 'name':
      case 'stackSize':
      case 'priority':
      case 'signal':
      case 'timeSlice':
      case 'bvt':
      case 'importance':
        break;
      default:
        refuse('spawn', options, key, KNOWN);
    }
  }
}
