import { workerData } from 'node:worker_threads';

/** The property of `workerData` that the worker of a thread finds its orders in. */
export const ORDERS = 'stackful/threads';

interface WithCounter {
  readonly counter: Int32Array;
}

const orders = (workerData as Partial<Record<string, WithCounter>> | null)?.[ORDERS];

/** Shared with the workers that this one makes, so that no two threads, or objects in shared memory, have the same number. */
export const counter = orders?.counter ?? new Int32Array(new SharedArrayBuffer(4));

export function nextId(): number {
  return Atomics.add(counter, 0, 1) + 1;
}
