/** What a coroutine can be parked on, as native/sched/park_reason.h numbers it. */
export const ParkKind = {
  join: 3,
  promise: 4,
  channelSend: 5,
  channelReceive: 6,
  select: 7,
  mutex: 8,
  semaphore: 9,
  readLock: 10,
  writeLock: 11,
  condition: 12,
  event: 13,
  waitGroup: 14,
  barrier: 15,
  scope: 16,
  offload: 17,
  file: 30,
  lookup: 31,
  other: 35,
  module: 37,
} as const;

export type ParkKind = (typeof ParkKind)[keyof typeof ParkKind];

/** Waiting for its turn, running, waiting for something else, or ended. */
export type CoroutineState = 'ready' | 'running' | 'parked' | 'done';
/** By the numbers of native's `State`. */
export const STATES: readonly CoroutineState[] = ['ready', 'running', 'parked', 'done'];
