import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { BvtGroup, configure, type Coroutine, Event, sleep, spawn, stats, yieldNow } from 'stackful';

beforeEach(() => { configure({ schedulingPolicy: 'bvt' }); });
afterEach(() => { configure({ schedulingPolicy: 'fifo', bvtAllowance: 0 }); });

/** How far two groups are from having had time by their weights, and how far a turn may bring them, in milliseconds. */
class Balance {
  private longest = 0;

  constructor(private readonly heavy: BvtGroup, private readonly weight: number, private readonly light: BvtGroup) {}

  get ran(): number {
    return this.heavy.ran + this.light.ran;
  }

  /** Computes in turns until both have run for `ms`, and says how many there were. */
  turns(group: BvtGroup, ms: number): number {
    let turns = 0;
    for (; this.ran < ms; turns++) {
      const before = group.ran;
      for (const end = performance.now() + 0.2; performance.now() < end;);
      yieldNow();
      // Those of other members are in it, too.
      this.longest = Math.max(this.longest, group.ran - before);
    }
    return turns;
  }

  expectEven(): void {
    expect(Math.abs(this.heavy.ran / this.weight - this.light.ran)).toBeLessThan(2 * this.longest);
    expect(this.light.ran).toBeGreaterThan(0);
  }
}

describe('borrowed virtual time', () => {
  it('divides time by weights', async () => {
    const [heavy, light] = [new BvtGroup({ weight: 4 }), new BvtGroup()];
    const balance = new Balance(heavy, 4, light);
    await Promise.all([light, heavy].map((bvt) => spawn(() => balance.turns(bvt, 100), { bvt })));
    balance.expectEven();
  });

  it('divides it with time slices, among coroutines that never give way', async () => {
    const [heavy, light] = [new BvtGroup({ weight: 3 }), new BvtGroup()];
    let over = false;
    const first = spawn(() => { while (!over); }, { bvt: light, timeSlice: 1 });
    // Both get their turns, again and again.
    const turns = spawn(() => {
      for (let changes = 0, seen = light.ran; changes < 5;) {
        if (light.ran === seen) continue;
        seen = light.ran;
        changes++;
      }
      over = true;
      return heavy.ran;
    }, { bvt: heavy, timeSlice: 1 });
    expect(await turns).toBeGreaterThan(0);
    await first;
  });

  it('counts the coroutines of a group as one, those that members spawn included', async () => {
    const [crowd, one] = [new BvtGroup(), new BvtGroup()];
    const balance = new Balance(crowd, 1, one);
    const all = [spawn(() => balance.turns(one, 100), { bvt: one })];
    all.push(spawn(() => {
      const children = Array.from({ length: 7 }, () => spawn(() => balance.turns(crowd, 100)));
      return children.reduce((sum, child) => sum + child.join(), balance.turns(crowd, 100));
    }, { bvt: crowd }));
    await Promise.all(all);
    balance.expectEven();
  });

  it('runs one that warps as soon as it is woken', async () => {
    let done = false;
    const order: string[] = [];
    const crowd = Array.from({ length: 20 }, () => spawn(() => {
      while (!done) {
        order.push('busy');
        yieldNow();
      }
    }));
    const bell = new Event();
    const warped = spawn(() => {
      for (let i = 0; i < 20; i++) {
        bell.wait();
        order.push('warped');
      }
    }, { bvt: { warp: 1000 } });
    const ringer = spawn(() => {
      for (let i = 0; i < 20; i++) {
        order.push('ring');
        bell.set();
        bell.reset();
        yieldNow();
      }
    });
    await Promise.all([warped, ringer]);
    done = true;
    await Promise.all(crowd);
    const positions = order.flatMap((what, i) => (what === 'ring' ? [i] : []));
    expect(positions.map((i) => order[i + 1])).toEqual(positions.map(() => 'warped'));
  });

  it('leaves none behind, when the policy changes again and again', async () => {
    const group = new BvtGroup({ weight: 0.001 });
    const names = ['bvt', 'fifo', 'priority'] as const;
    const all = Array.from({ length: 30 }, (_, i) => spawn(() => {
      for (let turn = 0; turn < 20; turn++) {
        if (turn % 5 === i % 5) configure({ schedulingPolicy: names[(turn + i) % 3]! });
        if (turn % 7 === 0) sleep(0.1);
        else yieldNow();
      }
      return i;
    }, i % 3 === 0 ? { bvt: group } : i % 3 === 1 ? { bvt: { weight: i, warp: i } } : {}));
    expect(await Promise.all(all)).toEqual(all.map((_, i) => i));
  });

  it('lets one that gives way go on for the allowance', async () => {
    configure({ bvtAllowance: 1000 });
    const order: string[] = [];
    const turns = (name: string) => (): void => {
      for (let i = 0; i < 3; i++) {
        order.push(name);
        yieldNow();
      }
    };
    await Promise.all(['a', 'b'].map((name) => spawn(turns(name))));
    expect(['aaabbb', 'bbbaaa']).toContain(order.join(''));
  });

  it('goes on without what is cancelled, ends, or joins', async () => {
    const group = new BvtGroup();
    const spin = (): never => { for (;;) yieldNow(); };
    const spinners: Coroutine[] = Array.from({ length: 5 }, () => spawn(spin, { bvt: group }));
    await spawn(() => { sleep(1); });
    for (const spinner of spinners) spinner.cancel();
    const results = await Promise.allSettled(spinners);
    expect(results.map(({ status }) => status)).toEqual(results.map(() => 'rejected'));
    expect(await spawn(() => 'more', { bvt: group })).toBe('more');
    expect(stats().ready).toBe(0);
  });

  it('is put in force by the option, where nothing else was', () => {
    const program = `
      import { spawn, yieldNow } from 'stackful';
      const order = [];
      const run = (name) => () => { for (let i = 0; i < 2; i++) { for (const end = performance.now() + 2; performance.now() < end;); order.push(name); yieldNow(); } };
      await Promise.all([spawn(run('a'), { bvt: { weight: 1000 } }), spawn(run('b'), { bvt: { weight: 1 } })]);
      console.log(order.indexOf('b') === 1 || order.join('') === 'aabb' || order.join('') === 'abab' ? 'ok' : order.join(''));
    `;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', cwd: new URL('../..', import.meta.url) });
    expect({ stdout, stderr, status }).toEqual({ stdout: 'ok\n', stderr: '', status: 0 });
  });

  it('refuses what makes no sense', () => {
    for (const [bvt, code] of [
      [{ weight: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ weight: NaN }, 'ERR_OUT_OF_RANGE'],
      [{ weight: 1001 }, 'ERR_OUT_OF_RANGE'],
      [{ warp: -1 }, 'ERR_OUT_OF_RANGE'],
      [{ warpLimit: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ weights: 1 }, 'ERR_UNKNOWN_OPTION'],
      [3, 'ERR_INVALID_ARG_TYPE'],
      [null, 'ERR_INVALID_ARG_TYPE'],
    ] as const) {
      expect(() => spawn(() => 1, { bvt: bvt as never })).toThrow(expect.objectContaining({ code }));
    }
    expect(() => { configure({ bvtAllowance: -1 }); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });
});
