import { describe, expect, it } from 'vitest';

import { sleep, spawn, stats } from 'stackful';

describe('stats', () => {
  it('counts parks that end at once', async () => {
    const before = stats();
    await spawn(() => { for (let i = 0; i < 10; i++) sleep(0); });
    const after = stats();
    expect(after.spawned - before.spawned).toBe(1);
    expect(after.finished - before.finished).toBe(1);
    expect(after.parks - before.parks).toBeGreaterThanOrEqual(10);
    expect(after.switches).toBeGreaterThan(before.switches);
  });

  it('counts coroutines, and how busy the loop is', async () => {
    const before = stats();
    await Promise.all(Array.from({ length: 10 }, () => spawn(() => { sleep(1); })));
    const busy = spawn(() => { sleep(1); const end = performance.now() + 30; while (performance.now() < end); });
    const late = spawn(() => { sleep(10); });
    await Promise.all([busy, late]);
    const after = stats();
    expect(after.spawned - before.spawned).toBe(12);
    expect(after.finished - before.finished).toBe(12);
    expect(after.parks - before.parks).toBe(12);
    expect(after.switches - before.switches).toBeGreaterThanOrEqual(24);
    expect(after.loopLagMax).toBeGreaterThan(10);
    expect(after.timers).toBe(before.timers);
    for (const [name, value] of Object.entries(after)) if (name !== 'spawnSites' && name !== 'admission') expect(Number.isFinite(value), name).toBe(true);
    expect(after.loopUtilization).toBeLessThanOrEqual(1);
  });
});
