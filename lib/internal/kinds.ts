/** What a coroutine can be parked on, as native/sched/park_reason.h numbers it. */
export const ParkKind = {
  join: 3,
  promise: 4,
  other: 35,
} as const;
