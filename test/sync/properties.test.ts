/** Programs that fast-check invents, each under a schedule that the simulator invents. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CancelledError, Channel, type Coroutine, Mutex, select, Semaphore, sending, simulate, sleep, spawn, timeout, TimeoutError } from 'stackful';

const runs = { numRuns: 150 };
const seed = fc.nat(1_000_000);
const delay = fc.integer({ min: 0, max: 3 });

/** Whether `c` got to its end; cancellation and time limits are no failures. */
function settled(c: Coroutine): boolean {
  try {
    c.join();
    return true;
  } catch (error) {
    if (error instanceof CancelledError || error instanceof TimeoutError) return false;
    throw error;
  }
}

/** A coroutine's action on a channel, the pause before it, and its time limit. */
const step = fc.record({
  does: fc.constantFrom('send', 'receive', 'select'),
  channel: fc.nat(1),
  pause: delay,
  limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});

describe('any program', () => {
  it('of sends, receives, selects, time limits and cancellations loses no value and makes none up', async () => {
    await fc.assert(fc.asyncProperty(
      seed,
      fc.tuple(fc.nat(2), fc.nat(2)),
      fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.record({ who: fc.nat(4), when: fc.integer({ min: 0, max: 6 }) }), { maxLength: 2 }),
      async (schedule, capacities, programs, cancellations) => {
        await simulate({ seed: schedule }, () => {
          const channels = capacities.map((capacity) => new Channel<number>(capacity));
          const sent: number[] = [];
          const received: number[] = [];
          let next = 0;
          const run = ({ does, channel: index, pause, limit }: (typeof programs)[0][0]) => {
            const channel = channels[index]!;
            const act = () => {
              sleep(pause);
              const value = next++;
              if (does === 'send') {
                channel.send(value);
                sent.push(value);
              } else if (does === 'receive') {
                received.push(channel.receive());
              } else {
                const chosen = select([sending(channel, value), channels[1 - index]!]);
                if (chosen.key === 0) sent.push(value);
                else received.push(chosen.value as number);
              }
            };
            if (limit === undefined) { act(); return; }
            try {
              timeout(limit, act);
            } catch (error) {
              if (!(error instanceof TimeoutError)) throw error;
            }
          };
          const all = programs.map((program) => spawn(() => { for (const one of program) run(one); }));
          for (const { who, when } of cancellations) {
            spawn(() => { sleep(when); all[who % all.length]!.cancel(); });
          }
          sleep(1000);
          // Coroutines whose waits no other coroutine will end.
          for (const c of all) c.cancel();
          all.forEach(settled);
          for (const channel of channels) {
            for (let one = channel.tryReceive(); one; one = channel.tryReceive()) received.push(one.value);
          }
          expect([...received].sort((a, b) => a - b)).toEqual([...sent].sort((a, b) => a - b));
        });
      },
    ), runs);
  });

  it('of senders and one receiver keeps the order of every sender', async () => {
    await fc.assert(fc.asyncProperty(seed, fc.nat(3), fc.array(fc.array(delay, { maxLength: 6 }), { maxLength: 4 }), async (schedule, capacity, senders) => {
      await simulate({ seed: schedule }, () => {
        const channel = new Channel<[sender: number, index: number]>(capacity);
        const all = senders.map((delays, sender) => spawn(() => {
          delays.forEach((ms, index) => { sleep(ms); channel.send([sender, index]); });
        }));
        spawn(() => { for (const c of all) c.join(); channel.close(); });
        const received = [...channel];
        senders.forEach((delays, sender) => {
          const own = received.filter(([from]) => from === sender).map(([, index]) => index);
          expect(own).toEqual(delays.map((_, index) => index));
        });
      });
    }), runs);
  });

  it('of locks and permits, time limits and cancellations leaves all of them free', async () => {
    const use = fc.record({
      locks: fc.boolean(),
      permits: fc.integer({ min: 1, max: 3 }),
      holds: delay,
      limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      cancelled: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    });
    await fc.assert(fc.asyncProperty(seed, fc.array(use, { minLength: 1, maxLength: 8 }), async (schedule, uses) => {
      await simulate({ seed: schedule }, () => {
        const mutex = new Mutex();
        const semaphore = new Semaphore(3);
        const all = uses.map(({ locks, permits, holds, limit, cancelled }) => {
          const c = spawn(() => timeout(limit ?? Infinity, () => {
            if (locks) {
              mutex.withLock(() => { sleep(holds); });
            } else {
              semaphore.acquire(permits);
              try { sleep(holds); } finally { semaphore.release(permits); }
            }
          }));
          if (cancelled !== undefined) spawn(() => { sleep(cancelled); c.cancel(); });
          return c;
        });
        all.forEach(settled);
        expect(mutex.locked).toBe(false);
        expect(semaphore.available).toBe(3);
      });
    }), runs);
  });
});
