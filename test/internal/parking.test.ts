import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AtomicSectionError, atomic, CancelledError, NotInCoroutineError, sleep, spawn, timeout, yieldNow } from 'stackful';

import { ParkKind } from '../../lib/internal/kinds.js';
import { checkpoint, Waiter, WaitQueue } from '../../lib/internal/parking.js';

describe('Waiter', () => {
  it('returns what it is woken with', async () => {
    let waiter!: Waiter<string>;
    const child = spawn(() => {
      waiter = new Waiter('test');
      return waiter.park(ParkKind.other, 'test');
    });
    await spawn(() => { sleep(0.1); });
    expect(child.parkedOn).toBe('wait');
    expect(waiter.wake('value')).toBe(true);
    expect(waiter.wake('again')).toBe(false);
    expect(await child).toBe('value');
  });

  it('woken before it parks, does not park', async () => {
    expect(await spawn(() => {
      const waiter = new Waiter<number>('test');
      expect(waiter.wake(3)).toBe(true);
      return waiter.park(ParkKind.other, 'test');
    })).toBe(3);
  });

  it('woken late, touches no later park, nor another coroutine in the same slot', async () => {
    let waiter!: Waiter;
    await spawn(() => {
      waiter = new Waiter('test');
      expect(() => timeout(1, () => { waiter.park(ParkKind.other, 'test'); })).toThrow(/test timed out/);
      setImmediate(() => { expect(waiter.wake()).toBe(false); });
      sleep(2);
    });
    await spawn(() => {
      spawn(() => { expect(waiter.wake()).toBe(false); });
      sleep(2);
    });
  });

  it('that was woken and then cancelled still returns: what was handed over is not lost', async () => {
    let waiter!: Waiter<string>;
    let got: string | undefined;
    const child = spawn(() => {
      waiter = new Waiter('test');
      got = waiter.park(ParkKind.other, 'test');
      yieldNow();
    });
    await spawn(() => { sleep(0.1); });
    expect(waiter.wake('mine')).toBe(true);
    child.cancel();
    await expect(child).rejects.toBeInstanceOf(CancelledError);
    expect(got).toBe('mine');
  });

  it('that was cancelled and then woken says so to the waker', async () => {
    let waiter!: Waiter<string>;
    const child = spawn(() => {
      waiter = new Waiter('test');
      waiter.park(ParkKind.other, 'test');
    });
    await spawn(() => { sleep(0.1); });
    child.cancel();
    expect(waiter.wake('lost')).toBe(false);
    await expect(child).rejects.toBeInstanceOf(CancelledError);
  });

  it('names the operation on the main stack and in an atomic section', async () => {
    expect(() => new Waiter('some.call')).toThrow(NotInCoroutineError);
    expect(() => new Waiter('some.call')).toThrow(/some\.call/);
    expect(() => { checkpoint('some.call'); }).toThrow(NotInCoroutineError);
    await spawn(() => {
      const waiter = new Waiter('some.call');
      expect(() => { atomic(() => { waiter.park(ParkKind.other, 'some.call'); }); }).toThrow(AtomicSectionError);
      expect(() => { atomic(() => { checkpoint('some.call'); }); }).toThrow(/some\.call/);
      checkpoint('some.call');
    });
  });
});

describe('WaitQueue', () => {
  it('wakes in order, each once, and never one that something else has ended', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(
          { weight: 3, arbitrary: fc.constant('park' as const) },
          { weight: 2, arbitrary: fc.constant('wake' as const) },
          { weight: 2, arbitrary: fc.nat(20).map((cancel) => ({ cancel })) },
          { weight: 2, arbitrary: fc.constant('run' as const) },
        ), { maxLength: 40 }),
        async (steps) => {
          const queue = new WaitQueue<number>();
          const waiting: number[] = [];
          const children: { cancel(): void; then: PromiseLike<unknown>['then'] }[] = [];
          const got: (number | 'cancelled' | undefined)[] = [];
          const expected: (number | 'cancelled' | undefined)[] = [];
          let tokens = 0;
          await spawn(() => {
            for (const step of steps) {
              if (step === 'park') {
                const me = children.length;
                waiting.push(me);
                children.push(spawn(() => {
                  try { got[me] = queue.park(ParkKind.other, 'test'); } catch { got[me] = 'cancelled'; }
                }));
                yieldNow();
              } else if (step === 'wake') {
                const first = waiting.shift();
                expect(queue.wakeOne(++tokens)).toBe(first !== undefined);
                if (first !== undefined) expected[first] = tokens;
              } else if (step === 'run') {
                yieldNow();
              } else {
                const at = waiting.indexOf(step.cancel);
                children[step.cancel]?.cancel();
                if (at >= 0) {
                  waiting.splice(at, 1);
                  expected[step.cancel] = 'cancelled';
                }
              }
            }
            for (const rest of waiting) expected[rest] = -1;
            expect(queue.wakeAll(-1)).toBe(waiting.length);
            yieldNow();
            expect(queue.empty).toBe(true);
          });
          expect(got).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});
