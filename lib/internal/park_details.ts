import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from './current.js';
import type { ParkKind } from './kinds.js';
import type { ParkOptions } from './parking.js';

/** The `parkedOn` texts of coroutines that are parked on something for which the scheduler has no number. */
export const parkDetails = new Map<Coroutine, () => string>();

/** A `Waiter` or a `WaitQueue` of ./parking.ts. */
interface Wait<T> {
  park(kind: ParkKind, operation: string, options?: ParkOptions): T;
}

/** Parks in `wait`; until it is over `parkedOn` is what `shown` gives, which is asked for reports only. */
export function parkShown<T>(
  wait: Wait<T>,
  kind: ParkKind,
  operation: string,
  shown = () => operation,
  options?: ParkOptions,
): T {
  const self = current();
  // Outside a coroutine `park` throws.
  if (self) parkDetails.set(self, shown);
  try {
    return wait.park(kind, operation, options);
  } finally {
    if (self) parkDetails.delete(self);
  }
}
