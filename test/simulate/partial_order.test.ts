import { expect, it } from 'vitest';

import { Channel, Event, Mutex, select, Semaphore, simulate, sleep, spawn, yieldNow, type Simulated } from 'stackful';

/** Coroutines that do one thing after the other: [what, to which object, to which variable]. */
type Program = (readonly [what: number, object: number, variable: number])[][];

const KINDS = 12;

/** Runs a program; its outcome is in which order what was done to the variables. */
function run(program: Program, outcomes: Set<string>, { touch }: Pick<Simulated, 'touch'>): void {
  const variables: unknown[][] = [[], []];
  const mutexes = [new Mutex(), new Mutex()];
  const channels = [new Channel<number>(1), new Channel<number>(1)];
  const semaphore = new Semaphore(1);
  const event = new Event();
  const all = program.map((steps, id) => spawn(() => {
    for (const [what, object, variable] of steps) {
      const note = (value: unknown) => {
        touch(`variable ${String(variable)}`);
        variables[variable]!.push(value);
      };
      const mutex = mutexes[object]!;
      switch (what) {
        case 0: mutex.withLock(() => { note(id); }); break;
        case 1: mutex.withLock(() => { yieldNow(); note(id); }); break;
        case 2: channels[object]!.trySend(id); break;
        case 3: note(channels[object]!.tryReceive()); break;
        case 4: note(id); yieldNow(); break;
        case 5: yieldNow(); break;
        case 6: sleep(1 + object); break;
        case 7: note(select({ a: channels[0]!, b: channels[1]!, event }).key); break;
        case 8: semaphore.acquire(); yieldNow(); semaphore.release(); break;
        case 9: all[(id + 1) % all.length]!.cancel(); break;
        case 10: event.set(); break;
        default: channels[object]!.send(id);
      }
    }
  }));
  for (const c of all) {
    try { c.join(); } catch { /* cancelled */ }
  }
  outcomes.add(JSON.stringify(variables));
}

/** A stream of whole numbers below a limit, the same for the same seed: Knuth's and Lewis's linear congruential generator. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
}

async function explored(program: Program, shared: 'everything' | 'declared') {
  const outcomes = new Set<string>();
  let failed: unknown;
  let runs = 0;
  let complete = true;
  try {
    ({ runs, complete } = await simulate({ explore: { shared, maxRuns: 3000 }, shrink: false }, (simulated) => {
      run(program, outcomes, { touch: (what) => { simulated.touch(what); } });
    }));
  } catch (error) {
    failed = ((error as Error).cause as { code?: string }).code;
  }
  return { outcomes: [...outcomes].sort(), failed, runs, complete };
}

/** What is tried reduced must come to the same as everything that there is. Returns the numbers of runs. */
async function compare(program: Program): Promise<[number, number]> {
  const all = await explored(program, 'everything');
  if (!all.complete) return [0, 0];
  const reduced = await explored(program, 'declared');
  expect(reduced.failed, JSON.stringify(program)).toBe(all.failed);
  if (all.failed !== undefined) return [0, 0];
  expect(reduced.outcomes, JSON.stringify(program)).toEqual(all.outcomes);
  return [all.runs, reduced.runs];
}

it.each([
  // A turn does other things when the lock is free: what it was seen to touch is not all that it may.
  [[[[0, 1, 0]], [[1, 0, 0], [5, 0, 1]], [[1, 1, 0]]]],
  [[[[7, 1, 0], [5, 0, 0], [8, 0, 0]], [[1, 0, 1], [4, 1, 0], [2, 0, 1]], [[8, 0, 0], [9, 1, 0]]]],
  [[[[4, 0, 1]], [[0, 0, 0], [0, 1, 0]], [[0, 0, 0]]]],
] as [Program][])('schedules that were missed once: %j', async (program) => {
  const [all, reduced] = await compare(program);
  expect(reduced).toBeLessThanOrEqual(all);
});

it('the reduction misses no outcome of small programs, and saves most runs', async () => {
  const random = numbers(20_261_130);
  let all = 0;
  let reduced = 0;
  for (let i = 0; i < 250; i++) {
    const program = Array.from({ length: 2 + random(2) }, () => (
      Array.from({ length: 1 + random(3) }, () => [random(KINDS), random(2), random(2)] as const)));
    const [runs, fewer] = await compare(program);
    all += runs;
    reduced += fewer;
  }
  expect(all).toBeGreaterThan(5000);
  expect(reduced).toBeLessThan(all / 3);
}, 120_000);
