import { AsyncResource, executionAsyncId, executionAsyncResource, triggerAsyncId } from 'node:async_hooks';

import { setMicrotaskProbe, UnsupportedRuntimeError } from '../errors.js';
import { native } from './native.js';
import { guardVmTimeouts } from './vm_timeouts.js';

/**
 * Makes this environment's runtime, which finds its way into V8 and tests it.
 *
 * @param body runs the function of the coroutine in a slot
 * @throws UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`), naming what did not fit
 */
export function start(body: (slot: number) => void): void {
  const problem = native.start(body);
  if (problem !== undefined) throw new UnsupportedRuntimeError(`could not verify ${problem}`);
  setMicrotaskProbe(() => native.inMicrotask());
  guardVmTimeouts();
  // Coroutines have async contexts of their own. Where Node keeps the current one shows by entering two scopes.
  const outer = new AsyncResource('STACKFUL');
  const found = outer.runInAsyncScope(() => {
    native.noteAsyncIds(executionAsyncId(), triggerAsyncId(), outer);
    const inner = new AsyncResource('STACKFUL');
    return inner.runInAsyncScope(() =>
      native.confirmAsyncIds(executionAsyncId(), triggerAsyncId(), inner, executionAsyncResource),
    );
  });
  if (!found) throw new UnsupportedRuntimeError('could not verify async ids');
}
