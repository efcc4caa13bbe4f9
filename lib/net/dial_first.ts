import { scope } from '../coroutine/scope.js';
import { Event } from '../sync/event.js';
import { after, select } from '../sync/select.js';
import type { Socket } from './socket.js';

/** False for interruptions of the coroutine: cancellation, a time limit. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && ('syscall' in error || error.code === 'ERR_IP_BLOCKED');
}

/**
 * Dials the addresses, each in a coroutine: the next one when the last has not answered for `attemptMs`, or one has failed. Returns the
 * first connection; the others are given up. Parks.
 *
 * @throws AggregateError, with the code of the first, when all fail
 */
export function dialFirst(addresses: readonly string[], attemptMs: number, dial: (address: string) => Socket): Socket {
  const connected: Socket[] = [];
  const failures = new Map<number, NodeJS.ErrnoException>();
  const news = new Event({ name: 'connect' });
  let other: { error: unknown } | undefined;
  try {
    const first = scope((family) => {
      const begin = (i: number) => family.spawn(() => {
        try {
          connected.push(dial(addresses[i]!));
        } catch (error) {
          if (isSystemError(error)) failures.set(i, error);
          else other ??= { error };
        }
        news.set();
      }, { name: `connect ${addresses[i]!}` });

      for (let next = 0; ;) {
        if (next < addresses.length) begin(next++);
        if (next < addresses.length) select({ news, slow: after(attemptMs) });
        else news.wait();
        news.reset();
        if (connected.length > 0) {
          family.cancel();
          return connected[0];
        }
        if (other) throw other.error;
        if (failures.size === addresses.length) return undefined;
      }
    });
    if (first) {
      connected.shift();
      return first;
    }
  } finally {
    for (const late of connected) late.close();
  }
  const all = [...failures.entries()].sort(([a], [b]) => a - b).map(([, error]) => error);
  const message = all.map((failure) => failure.message).join('; ');
  throw Object.assign(new AggregateError(all, message), { code: all[0]!.code });
}
