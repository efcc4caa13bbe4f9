import { AsyncResource, executionAsyncId, triggerAsyncId } from 'node:async_hooks';

import { UnsupportedRuntimeError } from '../errors.js';
import { native } from './native.js';

/**
 * Makes this environment's runtime, which finds its way into V8 and tests it.
 *
 * @param body runs the function of the coroutine in a slot
 * @throws UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`), naming what did not fit
 */
export function start(body: (slot: number) => void): void {
  const problem = native.start(body);
  if (problem !== undefined) throw new UnsupportedRuntimeError(`could not verify ${problem}`);
  // Node aborts the process when async scopes are left in another order than they were entered, so coroutines take
  // theirs along; where Node keeps them shows by entering two.
  const resources = executionResources();
  const found = new AsyncResource('STACKFUL').runInAsyncScope(() => {
    native.noteAsyncIds(executionAsyncId(), triggerAsyncId());
    return new AsyncResource('STACKFUL').runInAsyncScope(() =>
      native.confirmAsyncIds(executionAsyncId(), triggerAsyncId(), resources),
    );
  });
  if (!found) throw new UnsupportedRuntimeError('could not verify async ids');
}

/** Node 20 and 22: the array behind `executionAsyncResource()`, which has no public name. Later Nodes do without. */
function executionResources(): unknown[] | undefined {
  if (Number.parseInt(process.versions.node) >= 24) return undefined;
  const internals = process as unknown as { binding: (name: string) => { execution_async_resources?: unknown[] } };
  // The deprecation is of no concern to whoever uses this library, on Nodes that will not change any more.
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    return internals.binding('async_wrap').execution_async_resources;
  } finally {
    process.noDeprecation = noDeprecation;
  }
}
