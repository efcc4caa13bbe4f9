/** Where the knee is found, in simulated time: what a machine can do, and how much of it is done, are exact. */
import { describe, expect, it } from 'vitest';

import { CancelledError, Event, simulate, sleep, spawn, timeout, TimeoutError } from 'stackful';
import { native } from '../../../lib/internal/native.js';
import { Machine, type Offered } from './machine.js';

/** Runs `program` on a new machine in simulated time, which begins at 0. */
const simulated = <R>(program: (machine: Machine) => R): Promise<R> => simulate({ seed: 1, maxSteps: 1e8 }, () => program(new Machine()));

/** How many units of an edge were refused. */
const refused = (machine: Machine, name: string): number => machine.gate.edge(name).refused;
const within = (done: number[], from: number, to: number): number => done.filter((at) => at >= from && at < to).length;

const cpu = (rate: number, more?: Partial<Offered>): Offered => ({ rate, run: (machine) => { machine.compute(5); }, ...more });
const pool = (rate: number, more?: Partial<Offered>): Offered => ({ rate, run: (machine) => { machine.job('pool', 20); }, ...more });
const memory = (rate: number, more?: Partial<Offered>): Offered => ({ rate, run: (machine) => { machine.keep(0.02, () => { sleep(400); }); }, ...more });
const light = (rate: number): Offered => ({ rate, run: () => { sleep(3); } });

describe('admission, when more is asked for than can be done', () => {
  it('does as much as the processor can, and refuses nobody who does not need it', async () => {
    await simulated((machine) => {
      const done = machine.offer({ cpu: cpu(400), light: light(50) }, 10_000);
      // 200 a second is what it can do.
      expect(within(done.cpu!, 2000, 10_000)).toBeGreaterThan(0.97 * 200 * 8);
      expect(refused(machine, 'light')).toBe(0);
      expect(refused(machine, 'cpu')).toBeGreaterThan(1000);
      expect(machine.gate.limits.cpu).toBe(true);
    });
  });

  it('keeps the queue of the pool short, and its threads busy', async () => {
    await simulated((machine) => {
      const done = machine.offer({ pool: pool(500), light: light(50), other: cpu(50) }, 20_000);
      // Four threads, 20 ms each: 200 a second.
      expect(within(done.pool!, 2000, 20_000)).toBeGreaterThan(0.97 * 200 * 18);
      expect([refused(machine, 'light'), refused(machine, 'other')]).toEqual([0, 0]);
      expect(machine.gate.limits.pool).toBeLessThan(30);
      // What came before it was known; without limits it would be thousands.
      expect(machine.mostJobs).toBeLessThan(300);
    });
  });

  it('fills memory, and never beyond its limit', async () => {
    await simulated((machine) => {
      const done = machine.offer({ memory: memory(250), light: light(50) }, 20_000);
      // 0.85 of the limit is kept for 0.4 s in parts of 0.02.
      expect(within(done.memory!, 5000, 20_000)).toBeGreaterThan((0.9 * 15 * 0.85) / 0.02 / 0.4);
      expect(refused(machine, 'light')).toBe(0);
      expect(machine.mostMemory).toBeLessThan(1);
    });
  });

  it('follows a bottleneck that moves', async () => {
    const [first, second, third] = [{ from: 0, to: 10_000 }, { from: 10_000, to: 20_000 }, { from: 20_000, to: 30_000 }];
    await simulated((machine) => {
      const done = machine.offer({
        cpu: cpu(450, first), pool: pool(500, second), memory: memory(250, third), light: light(20),
      }, 30_000);
      expect(within(done.cpu!, 2000, 10_000)).toBeGreaterThan(0.95 * 200 * 8);
      expect(within(done.pool!, 12_000, 20_000)).toBeGreaterThan(0.95 * 200 * 8);
      expect(within(done.memory!, 24_000, 30_000)).toBeGreaterThan((0.9 * 6 * 0.85) / 0.02 / 0.4);
      expect(refused(machine, 'light')).toBe(0);
    });
  });

  it('holds nobody below the knees', async () => {
    const all = await simulated((machine) => {
      machine.offer({ cpu: cpu(80), pool: pool(80), memory: memory(50) }, 10_000);
      return Object.fromEntries(machine.gate.all().map(({ name, refused: no }) => [name, no]));
    });
    expect(all).toEqual({ cpu: 0, pool: 0, memory: 0 });
  });
});

/** Fills memory, so that the next unit of the edge is held: until the result is called, and for 0.2 s. */
function full(machine: Machine): { edge: ReturnType<Machine['gate']['edge']>; empty: () => void } {
  const edge = machine.gate.edge('memory');
  machine.offer({ memory: memory(250) }, native.now() + 3000);
  const gone = new Event();
  let held = 0;
  while (machine.gate.limits.short(edge, true) !== 'memory' && held++ < 200) {
    spawn(() => {
      const unit = machine.gate.enter('a unit', edge, Infinity)!;
      machine.keep(0.02, () => { gone.wait(); });
      machine.gate.leave(unit);
    });
    sleep(0);
  }
  return { edge, empty: () => { gone.set(); } };
}

describe('one that is held', () => {
  it('ends early as at every call that parks, and has not begun', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      const { admitted } = edge;
      const enter = () => machine.gate.enter('a unit', edge, Infinity);
      expect(() => timeout(5, enter)).toThrow(TimeoutError);
      const cancelled = spawn(enter);
      sleep(1);
      expect(cancelled.parkedOn).toBe('admission memory, memory');
      cancelled.cancel();
      expect(() => cancelled.join()).toThrow(CancelledError);
      expect([edge.held, edge.admitted]).toEqual([0, admitted]);
      empty();
    });
  });

  it('is let in when one has ended', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      const held = spawn(() => machine.gate.enter('a unit', edge, Infinity)?.edge.name);
      sleep(20);
      expect(held.state).toBe('parked');
      empty();
      expect(held.join()).toBe('memory');
    });
  });

  it('is refused when its patience is over', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      const before = native.now();
      expect(machine.gate.enter('a unit', edge, 100)).toBeUndefined();
      expect(native.now() - before).toBeLessThan(120);
      empty();
    });
  });

  it('is let in after a while when those that are under way may wait for it', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      // None of the others ends until this one has been let in.
      machine.gate.leave(machine.gate.enter('a unit', edge, Infinity)!);
      empty();
    });
  });

  it('is let in when admission ends, and so are those that come later', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      const held = [1, 2, 3].map(() => spawn(() => machine.gate.enter('a unit', edge, Infinity)));
      sleep(1);
      expect(edge.held).toBe(3);
      machine.gate.close();
      for (const one of held) expect(one.join()!.edge).toBe(edge);
      expect(machine.gate.enter('a unit', edge, 0)).toBeDefined();
      empty();
    });
  });

  it('is let in although somebody has cancelled the coroutine that lets in', async () => {
    await simulated((machine) => {
      const { edge, empty } = full(machine);
      const held = spawn(() => machine.gate.enter('a unit', edge, Infinity));
      sleep(1);
      (machine.gate as unknown as { keeper: { cancel(): void } }).keeper.cancel();
      sleep(20);
      expect(held.state).toBe('parked');
      empty();
      expect(held.join()).toBeDefined();
    });
  });
});
