import { RuntimeEndedError, StackMemoryError, TooManyCoroutinesError } from '../errors.js';
import { integerIn } from './arguments.js';
import { native } from './native.js';

const KIB = 1024;
/** What may be asked for, and what one gets: V8 compiles lazily on the running stack, besides what native code needs. */
const LEAST_STACK = 128 * KIB;
const LEAST_SLOT = 256 * KIB;
/** Whatever --stack-size says: that is about the main stack. */
const MOST_STACK = 64 * 1024 * KIB;
export const DEFAULT_STACK = 256 * KIB;
/** What the engine has been told to expect. */
let largestStack = 0;

/** Checks a stack size, and tells the engine of a larger one than any before. Returns what will be reserved, in bytes. @internal */
export function stackSizeOf(name: string, bytes: unknown): number {
  const size = Math.max(integerIn(name, bytes, LEAST_STACK, MOST_STACK), LEAST_SLOT);
  if (size > largestStack) native.allowStack((largestStack = size));
  return size;
}

/** What `native.spawn` returns instead of a slot, as native/binding/core.cc numbers it. @internal */
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
