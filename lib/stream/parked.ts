import { ParkKind } from '../internal/kinds.js';
import { parkDetails } from '../internal/park_details.js';
import { checkInterruption, type WaitQueue } from '../internal/parking.js';

/** Parks in `queue` until it is woken; `parkedOn` is the name of the operation. */
export function parkIn(queue: WaitQueue, operation: string): void {
  const self = checkInterruption(operation);
  parkDetails.set(self, () => operation);
  try {
    queue.park(ParkKind.other, operation);
  } finally {
    parkDetails.delete(self);
  }
}
