/** In simulated time, so that what is slow is so by the test's word. */
import { describe, expect, it } from 'vitest';

import { reportProgress, simulate, sleep, spawn, timeout } from 'stackful';
import { native } from '../../lib/internal/native.js';

/** Works in units of `unit()` milliseconds until `end`, and returns when each was done. */
function worker(unit: () => number, end: number): () => number[] {
  return () => {
    const done: number[] = [];
    while (native.now() < end) {
      sleep(unit());
      done.push(native.now());
      reportProgress();
    }
    return done;
  };
}

/** Runs `program` in simulated time, which begins at 0. */
const simulated = <R>(program: () => R): Promise<R> => simulate({ maxSteps: 1e8 }, program);

const between = (done: number[], from: number, to: number): number => done.filter((at) => at >= from && at < to).length;
const within = (from: number, to: number) => native.now() >= from && native.now() < to;

describe('a coroutine of low importance', () => {
  it('goes on when nothing disturbs it', async () => {
    const done = await simulated(() => spawn(worker(() => 25, 60_000), { importance: 'low' }).join());
    expect(done.length).toBe(2400);
  });

  it('hardly stays away for what is only irregular', async () => {
    let seed = 1;
    // Three quarters to five quarters, evenly.
    const unit = (): number => 30 * (0.75 + ((seed = (seed * 48271) % 2147483647) / 2147483647) / 2);
    const done = await simulated(() => spawn(worker(unit, 120_000), { importance: 'low' }).join());
    expect(done.length).toBeGreaterThan(0.9 * (120_000 / 30));
  });

  it('stays away, longer and longer, while something else makes it slow, and comes back', async () => {
    const [from, to, end] = [20_000, 80_000, 200_000];
    const done = await simulated(() => spawn(worker(() => (within(from, to) ? 60 : 30), end), { importance: 'low' }).join());
    // A thousand if it went on at half the rate.
    expect(between(done, from, to)).toBeLessThan(80);
    expect(between(done, from, to)).toBeGreaterThan(20);
    const gaps = done.slice(1).map((at, i) => at - done[i]!).filter((gap) => gap > 100);
    expect(gaps.length).toBeGreaterThan(4);
    for (let i = 1; i < gaps.length; i++) expect(gaps[i]!).toBeGreaterThan(1.5 * gaps[i - 1]!);
    // Not for longer than it has stayed away before, and a half more.
    expect(done.find((at) => at > to)!).toBeLessThan(to + 2 * (to - from));
    expect(between(done, 150_000, end)).toBeGreaterThan(1600);
  });

  it('does not take a disturbance for the usual, but gets used to what stays', async () => {
    const day = 5 * 3_600_000;
    const done = await simulated(() => spawn(worker(() => (native.now() < 60_000 ? 30 : 45), day), { importance: 'low' }).join());
    expect(between(done, 60_000, 3_600_000)).toBeLessThan(1000);
    expect(between(done, day - 60_000, day)).toBeGreaterThan(1000);
  }, 60_000);

  it('takes turns with others of its kind, which would disturb each other', async () => {
    let busy = 0;
    const [end, unit] = [60_000, 25];
    const all = await simulated(() => Array.from({ length: 3 }, () => spawn(worker(() => {
      busy++;
      return unit;
    }, end), { importance: 'low' })).map((each) => each.join()));
    const counts = all.map((done) => done.length);
    expect(busy).toBeGreaterThan(0.95 * (end / unit));
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(60);
  });

  it('loses its turn when it says nothing, or ends', async () => {
    const done = await simulated(() => {
      const silent = spawn(() => {
        reportProgress();
        reportProgress();
        sleep(30_000);
      }, { importance: 'low' });
      sleep(1);
      const short = spawn(() => { reportProgress(); }, { importance: 'low' });
      const other = spawn(worker(() => 25, 20_000), { importance: 'low' });
      short.join();
      const result = other.join();
      silent.join();
      return result;
    });
    expect(between(done, 5_000, 20_000)).toBe(600);
  });

  it('ends when it is cancelled, or its time is up, while it stays away or waits for its turn', async () => {
    const ends = await simulated(() => {
      const slow = spawn(worker(() => (native.now() < 5_000 ? 30 : 90), 1e9), { importance: 'low' });
      sleep(40);
      const waits = spawn(() => {
        try {
          timeout(300, () => { reportProgress(); });
          return 'its turn';
        } catch (error) {
          return (error as { code: string }).code;
        }
      }, { importance: 'low' });
      sleep(60_000);
      const parkedOn = slow.parkedOn;
      slow.cancel();
      let code = '';
      try {
        slow.join();
      } catch (error) {
        ({ code } = error as { code: string });
      }
      return [code, waits.join(), parkedOn];
    });
    expect(ends).toEqual(['ERR_CANCELLED', 'ERR_TIMEOUT', expect.stringMatching(/^low importance \d+ms$/)]);
  });

  it('is nothing that others notice: of normal importance, a report does nothing', async () => {
    expect(await spawn(function named() {
      for (let i = 0; i < 1000; i++) reportProgress(i);
      return 'done';
    }, { importance: 'normal' })).toBe('done');
    expect(spawn(function named() { return 1; }, { importance: 'low' }).name).toBe('named');
  });

  it('refuses what makes no sense', async () => {
    const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;
    expect(() => spawn(() => 1, { importance: 'lowest' as never })).toThrow(code('ERR_INVALID_ARG_VALUE'));
    expect(() => { reportProgress(); }).toThrow(code('ERR_NOT_IN_COROUTINE'));
    for (const bad of [-1, NaN, Infinity]) await expect(spawn(() => { reportProgress(bad); })).rejects.toThrow(code('ERR_OUT_OF_RANGE'));
    await expect(spawn(() => { reportProgress('1' as never); })).rejects.toThrow(code('ERR_INVALID_ARG_TYPE'));
  });
});
