import { AsyncResource, executionAsyncId, executionAsyncResource, triggerAsyncId } from 'node:async_hooks';

import { setMicrotaskProbe } from '../coroutine/errors.js';
import { watchAddons } from './addons.js';
import { unfit, UnsupportedRuntimeError } from './errors.js';
import { refuseSuspendableWasm } from './jspi.js';
import './loads.js';
import { disown, native, owns } from './native.js';
import { guardProcessEvents } from './process_events.js';
import { guardStorageExit } from './storage_exit.js';
import { guardTerminators } from './terminators.js';

/**
 * Starts this environment's runtime, which locates V8's private state and verifies it, unless another load owns the runtime.
 *
 * @throws UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`), naming what did not fit
 */
function start(): void {
  if (!owns) return;
  const problem = native.start() ?? follow();
  if (problem === undefined) return;
  disown();
  throw new UnsupportedRuntimeError(unfit(`could not verify ${problem}`));
}

/** Installs the guards in Node's JavaScript, and verifies the async ids. Returns what did not fit, or undefined. */
function follow(): string | undefined {
  setMicrotaskProbe(() => native.inMicrotask());
  guardTerminators();
  watchAddons();
  guardProcessEvents();
  guardStorageExit();
  const suspendable = refuseSuspendableWasm();
  if (suspendable !== undefined) return suspendable;
  // Coroutines have async contexts of their own. Two nested scopes show where Node keeps the current one.
  const outer = new AsyncResource('STACKFUL');
  const found = outer.runInAsyncScope(() => {
    native.noteAsyncIds(executionAsyncId(), triggerAsyncId(), outer);
    const inner = new AsyncResource('STACKFUL');
    return inner.runInAsyncScope(() =>
      native.confirmAsyncIds(executionAsyncId(), triggerAsyncId(), inner, executionAsyncResource),
    );
  });
  return found ? undefined : 'async ids';
}

// At import, so that the runtime is there for modules that read its memory, such as ./current.ts.
start();
