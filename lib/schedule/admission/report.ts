// What `stats` tells. A file of its own, because admission needs coroutines, and those need reports.


/** An edge at which units of work begin; see {@link AdmissionStats}. */
export interface EdgeStats {
  /** `request GET /users/:id`, `requests` of servers without a router, or what {@link admit} was given. */
  name: string;
  /** Units that were let in and have not ended. */
  inFlight: number;
  /** Coroutines that are held there now. */
  held: number;
  /** What these wait for. */
  heldBy: 'cpu' | 'pool' | 'memory' | undefined;
  /** Units that were let in since admission is on. */
  admitted: number;
  /** Units that were held for longer than their patience. */
  refused: number;
  /**
   * What a unit uses, as far as it is known: milliseconds of this thread, milliseconds of the pool's threads, a part (0 to 1) of the
   * memory that there may be.
   */
  uses: { cpu: number; pool: number; memory: number };
}

/** What admission does in this thread. */
export interface AdmissionStats {
  /** The resources that are short now. */
  short: ('cpu' | 'pool' | 'memory' | 'descriptors')[];
  /** How many units that use the pool may be under way; Infinity while it is not short. */
  poolLimit: number;
  /** The part (0 to 1) of the memory that there may be, beyond which no unit begins that uses memory. */
  memoryLimit: number;
  /** Calls of `open`, `connect` and `accept` that have waited for a descriptor. */
  descriptorWaits: number;
  /** In the order in which they were first crossed. */
  edges: EdgeStats[];
}

/** Set while admission is on. */
export const admissionReport = { of: (): AdmissionStats | undefined => undefined };
