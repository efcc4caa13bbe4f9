import { Coroutine } from '../coroutine/coroutine.js';
import { stackSizeOf } from '../coroutine/stacks.js';
import { current } from '../internal/current.js';
import { NORMAL_PRIORITY } from '../schedule/policy_in_force.js';
import type { Fiber } from './fiber.js';

/** As deep as the main stack: programs for fibers were written for that. Memory is taken as the stack deepens. */
const STACK = stackSizeOf('stackSize', 1024 * 1024);

/**
 * What there is to a fiber besides the object that users hold. The fiber's stack refers to this and never to that object, so that
 * the object can be collected while the fiber is suspended.
 */
export class FiberState {
  /** Of the present run of `body`; undefined: it has not been started, or is finished. */
  coroutine: FiberCoroutine | undefined = undefined;
  /** In `Fiber.yield`. */
  suspended = false;
  /** A `run` waits for what comes out. Not while the fiber goes on by itself, after a parking call. */
  resumed = false;
  /** On its way into the fiber or out of it. */
  value: unknown = undefined;
  /** Whether `value` is thrown where it arrives. */
  thrown = false;
  /** The error that unwinds it: every yield throws it from now on. */
  dying: Error | undefined = undefined;
  /** The object that users hold, while the fiber goes on by itself; and until it is suspended for the first time. */
  object: Fiber | undefined = undefined;
  /** The same, once the fiber has been suspended. */
  weak: WeakRef<Fiber> | undefined = undefined;

  constructor(readonly body: (...args: unknown[]) => unknown) {}
}

let alive = 0;
/** The most fibers that were started at a time: each of them had a stack. */
let stacks = 0;
export const stacksMade = (): number => stacks;

/** A coroutine that runs the function of a fiber once. */
export class FiberCoroutine extends Coroutine<void> {
  constructor(readonly fiber: FiberState, args: unknown[]) {
    super(bodyOf(fiber, args), fiber.body.name, STACK, 0, NORMAL_PRIORITY, true);
    if (++alive > stacks) stacks = alive;
  }
}

/** A function of its own: what it returns must refer to no more than this. */
function bodyOf(fiber: FiberState, args: unknown[]): () => void {
  return () => {
    // It could not begin when it was to.
    if (fiber.coroutine !== current()) return;
    let thrown = false;
    let value: unknown;
    try {
      value = Reflect.apply(fiber.body, globalThis, args);
    } catch (error) {
      thrown = error !== fiber.dying || fiber.dying === undefined;
      value = thrown ? error : undefined;
    }
    const { resumed } = fiber;
    finish(fiber);
    if (resumed) {
      fiber.value = value;
      fiber.thrown = thrown;
    } else if (thrown) {
      // No `run` is there to throw it: it fails as a coroutine does that nobody joins.
      throw value;
    }
  };
}

export function finish(fiber: FiberState): void {
  alive--;
  fiber.coroutine = fiber.dying = fiber.object = fiber.value = undefined;
  fiber.suspended = fiber.resumed = false;
}

/** The fiber that this code runs in. */
export function currentFiber(): FiberState | undefined {
  const self = current();
  return self instanceof FiberCoroutine ? self.fiber : undefined;
}
