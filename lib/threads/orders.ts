import { detailsOf } from '../async/offload_worker.js';

/** What the worker of a thread is to do, in its `workerData`. */
export interface Orders {
  /** See ./thread_ids.ts. */
  counter: Int32Array;
  /** The words of the thread's control block. */
  control: Int32Array;
  module: string;
  entry: string;
  /** As `encode` makes it. */
  arg: unknown;
  stackSize: number | undefined;
}

/** What the worker of a thread says at the thread's end. */
export type Ending = { value: unknown } | { canceled: true } | { error: unknown; details: object };

export function failed(error: unknown): Ending {
  // The copy of a DOMException, such as a DataCloneError, would be an empty object on some Nodes.
  const copied = error instanceof DOMException ? Object.assign(new Error(error.message), { name: error.name }) : error;
  return { error: copied, details: detailsOf(copied) };
}
