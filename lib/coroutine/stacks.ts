import { integerIn } from '../internal/arguments.js';
import { RuntimeEndedError } from '../internal/errors.js';
import { native } from '../internal/native.js';
import { StackMemoryError, TooManyCoroutinesError } from './errors.js';

/** Memory of a coroutine's stack, in bytes, in whole pages of 4096. */
export interface StackUse {
  /** How much of it is in memory now. */
  resident: number;
  /**
   * High-water mark: how much of `size` it has used. While spawn sites are not recorded it is an upper bound, because pages
   * that an earlier coroutine left on the same stack count, too.
   */
  deepest: number;
  /** `stackSize`, rounded up. */
  size: number;
}

const KIB = 1024;
/** The least `stackSize`, and the least reservation: V8 compiles lazily on the running stack, beside native code. */
const LEAST_STACK = 128 * KIB;
const LEAST_SLOT = 256 * KIB;
/** Independent of --stack-size, which is about the main stack. */
const MOST_STACK = 64 * 1024 * KIB;
/** What a coroutine gets that is spawned without a size. */
export let defaultStack = 256 * KIB;

/** See `configure`; `bytes` is a result of `stackSizeOf`. @internal */
export function setDefaultStackSize(bytes: number): void {
  defaultStack = bytes;
}

/** The largest size known to the engine. */
let largestStack = 0;

/** Checks a stack size, and tells the engine of one larger than all before. Returns the size to reserve, in bytes. @internal */
export function stackSizeOf(name: string, bytes: unknown): number {
  const size = Math.max(integerIn(name, bytes, LEAST_STACK, MOST_STACK), LEAST_SLOT);
  if (size > largestStack) native.allowStack((largestStack = size));
  return size;
}

/** The error for a negative result of `native.spawn`, as native/binding/core.cc numbers them. @internal */
export function spawnError(code: number, stackSize: number): Error {
  switch (code) {
    case -2:
      return new StackMemoryError(stackSize, native.stats().stackMemoryBudget);
    case -3:
      return new TooManyCoroutinesError(native.stats().live!);
    case -4:
      return new RuntimeEndedError();
    default:
      return new StackMemoryError(stackSize);
  }
}
