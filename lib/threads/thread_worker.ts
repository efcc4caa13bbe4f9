import { parentPort, workerData } from 'node:worker_threads';

// As users import it, so that the module that is loaded here shares it.
import '../threads.js';
import { spawn } from '../coroutine/coroutine.js';
import { ControlBlock } from './control_block.js';
import { doLastDuties } from './held_locks.js';
import { decode, encode } from './messages.js';
import { failed, type Ending, type Orders } from './orders.js';
import { CANCELED, heard } from './outcome.js';
import { loadStart, runThread } from './run_thread.js';
import { runIn, Thread } from './thread.js';
import { ORDERS } from './thread_ids.js';

// What the worker of a thread runs.

const orders = (workerData as Record<typeof ORDERS, Orders>)[ORDERS];
const control = new ControlBlock(orders.control);
const thread = new Thread({ id: control.id, kind: 'workers', control });
process.on('exit', doLastDuties);

const runner = spawn(
  () => { runThread(thread, () => loadStart(orders.module, orders.entry)(decode(orders.arg))); },
  { name: thread.label, stackSize: orders.stackSize },
);
runIn(runner, thread);
control.whenAskedToCancel(() => { runner.cancel(); });

// Not awaited at the top: a worker whose thread nothing can wake would end with a warning about that.
void runner.then(() => {
  tell(endingOf());
  control.end();
});

function endingOf(): Ending {
  try {
    const value = heard(thread, undefined);
    return value === CANCELED ? { canceled: true } : { value: encode(value) };
  } catch (error) {
    return failed(error);
  }
}

function tell(ending: Ending): void {
  try {
    parentPort!.postMessage(ending);
  } catch (error) {
    // It cannot be copied, and that is the failure.
    parentPort!.postMessage(failed(error));
  }
}
