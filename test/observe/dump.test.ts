import { afterEach, describe, expect, it } from 'vitest';

import { configure, dump, sleep, spawn, wait, type Coroutine } from 'stackful';

describe('looking at a parked coroutine', () => {
  it('shows its stack, and leaves it as it was', async () => {
    function innermost() {
      try { sleep(60_000); } catch { /* cancelled */ }
      return 'unharmed';
    }
    const parked = spawn(function handler() { return [1].map(() => innermost())[0]; }, { name: 'worker' });
    let settle!: () => void;
    const waiting = spawn(() => { wait(new Promise<void>((resolve) => { settle = resolve; })); });
    await spawn(() => { sleep(2); });
    for (let i = 0; i < 50; i++) {
      expect(parked.stack()).toMatch(/at sleep .*\n(.*\n)*.*at innermost .*\n(.*\n)*.*at handler /);
      (globalThis as { gc?: () => void }).gc?.();
    }
    expect(parked.parkedOn).toBe('sleep 60000ms');
    const text = dump();
    expect(text).toContain('worker: parked on sleep 60000ms');
    expect(text).toContain('parked on promise');
    // From another coroutine as well.
    expect(await spawn(() => parked.stack())).toContain('innermost');
    parked.cancel();
    settle();
    expect(await parked).toBe('unharmed');
    await waiting;
    expect(parked.stack()).toBe('');
    expect(parked.parkedOn).toBeUndefined();
  });
});

describe('dump', () => {
  const sleepers: Coroutine[] = [];
  const sleeper = (name: string, options = {}) => {
    sleepers.push(spawn(() => { try { sleep(1e6); } catch { /* cancelled */ } }, { name, ...options }));
  };
  afterEach(async () => {
    configure({ spawnSites: false });
    for (const c of sleepers) c.cancel();
    await Promise.all(sleepers.splice(0));
  });

  it('says for how long each has been parked', async () => {
    sleeper('early');
    await spawn(() => { sleep(60); });
    sleeper('late');
    await spawn(() => { sleep(1); });
    const age = (name: string) => Number(new RegExp(`${name}: parked on sleep 1e\\+06ms, for (\\d+)ms`).exec(dump())![1]);
    // To about 1 ms.
    expect(age('early')).toBeGreaterThanOrEqual(50);
    expect(age('early') - age('late')).toBeGreaterThanOrEqual(50);
  });

  it('says which coroutine holds what another waits for', async () => {
    sleeper('child');
    const [child] = sleepers as [Coroutine];
    const parent = spawn(() => { child.join(); }, { name: 'parent' });
    await spawn(() => { sleep(1); });
    expect(dump()).toContain(`parent: parked on join coroutine #${child.id} child, for `);
    child.cancel();
    await parent;
  });

  it('groups those that do the same, when there are many', async () => {
    let settle!: () => void;
    for (let i = 0; i < 150; i++) sleeper(`s${i}`);
    const other = spawn(() => wait(new Promise<void>((resolve) => { settle = resolve; })), { name: 'other' });
    await spawn(() => { sleep(1); });
    const text = dump();
    expect(text).toMatch(/^stackful: 151 coroutines, pid \d+, thread \d+, \S+\n\(150 parked on sleep, 1 parked on promise\)\n/);
    expect(text).toMatch(/\n150 coroutines: parked on sleep, for \S+( to \S+)?: #\d+ s0, #\d+ s1, #\d+ s2, #\d+ s3, #\d+ s4, …\n(.*\n)*.*at sleep /);
    expect(text.match(/at sleep /g)?.length).toBe(1);
    expect(text).toMatch(/#\d+ other: parked on promise/);
    expect(dump({ group: false }).match(/at sleep /g)?.length).toBe(150);
    expect(dump({ limit: 10, group: false })).toMatch(/\n\n… and 141 more$/);
    expect(dump({ limit: 0 })).not.toContain('at sleep');
    expect(() => dump({ limit: -1 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    settle();
    await other;
  });

  it('shows where coroutines were spawned, if asked to', async () => {
    function spawner() { sleeper('known'); }
    sleeper('unknown');
    configure({ spawnSites: true });
    spawner();
    await spawn(() => { sleep(1); });
    const text = dump();
    expect(text).toMatch(/known: parked(.*\n)*? {4}spawned at sleeper \(.*dump\.test\.ts:\d+:\d+\)/);
    expect(text.match(/spawned at/g)?.length).toBe(1);
  });

  it('shows the coroutine that calls it, and those that have not begun', async () => {
    const text = await spawn(function asks() {
      spawn(() => undefined, { name: 'young' });
      return dump();
    });
    expect(text).toMatch(/asks: running\n(.*\n)*.*at asks /);
    expect(text).toContain('young: ready, not started');
  });
});
