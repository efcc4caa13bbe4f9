import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { wait } from '../async/wait.js';
import { moduleOf, restored } from '../async/worker_module.js';
import { spawn } from '../coroutine/coroutine.js';
import { invalidType } from '../internal/arguments.js';
import { packageRoot } from '../internal/root.js';
import { ControlBlock } from './control_block.js';
import { checkCreateOptions, type CreateOptions } from './create.js';
import { ThreadDiedError } from './errors.js';
import { decode, encode } from './messages.js';
import type { Ending, Orders } from './orders.js';
import { endWith, type Outcome } from './outcome.js';
import { Thread } from './thread.js';
import { counter, nextId, ORDERS } from './thread_ids.js';

/** A worker takes no sources. */
const WORKER = join(packageRoot, 'dist/threads/thread_worker.js');

/** The `create` of `over('workers')`: a thread with a worker of its own. */
export function createInWorker<R>(start: ((arg: never) => R) | URL | string, arg?: unknown, options: CreateOptions = {}): Thread<R> {
  if (typeof start === 'function') throw invalidType('start', 'the URL, path or name of a module, because it is run by a worker', start);
  const module = moduleOf('start', start);
  checkCreateOptions(options);
  const { name = '', entry = 'default', detached, stackSize } = options;
  const control = ControlBlock.of(nextId());
  control.name = name;
  const orders: Orders = { counter, control: control.words, module, entry, arg: encode(arg), stackSize };
  const thread = new Thread<R>({ id: control.id, kind: 'workers', detached, control });
  const worker = new Worker(WORKER, { name: thread.label, argv: process.argv.slice(2), workerData: { [ORDERS]: orders } });
  const ending = endingOf(worker, thread);
  try {
    thread.ending = spawn(() => { waitForEnd(ending, thread); }, { name: thread.label });
  } catch (error) {
    void worker.terminate();
    throw error;
  }
  return thread;
}

/** Waits for what the worker says of the thread. */
function waitForEnd<R>(ending: Promise<Outcome<unknown>>, thread: Thread<R>): void {
  try {
    const outcome = wait(ending);
    endWith(thread, 'value' in outcome ? { value: decode(outcome.value) as R } : outcome);
  } catch (error) {
    endWith(thread, { error });
  }
}

/** Fails when the worker ends without a word. */
function endingOf(worker: Worker, thread: Thread): Promise<Outcome<unknown>> {
  return new Promise((resolve, reject) => {
    worker.once('message', (ending: Ending) => {
      // What happens in the worker after the thread's end is no longer the thread's failure.
      worker.off('error', reject);
      resolve('error' in ending ? { error: restored(ending.error, ending.details) } : ending);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => { reject(new ThreadDiedError(thread.label, code)); });
  });
}
