import { describe, expect, it } from 'vitest';

import { dump, sleep, spawn, wait } from 'stackful';

describe('looking at a parked coroutine', () => {
  it('shows its stack, and leaves it as it was', async () => {
    function innermost() {
      sleep(20);
      return 'unharmed';
    }
    const parked = spawn(function handler() { return [1].map(() => innermost())[0]; }, { name: 'worker' });
    const waiting = spawn(() => wait(new Promise((resolve) => setTimeout(resolve, 25))));
    await spawn(() => { sleep(2); });
    for (let i = 0; i < 50; i++) {
      expect(parked.stack()).toMatch(/at sleep .*\n(.*\n)*.*at innermost .*\n(.*\n)*.*at handler /);
      (globalThis as { gc?: () => void }).gc?.();
    }
    expect(parked.parkedOn).toBe('sleep 20ms');
    const text = dump();
    expect(text).toContain('worker: parked on sleep 20ms');
    expect(text).toContain('parked on promise');
    // From another coroutine as well.
    expect(await spawn(() => parked.stack())).toContain('innermost');
    expect(await parked).toBe('unharmed');
    await waiting;
    expect(parked.stack()).toBe('');
    expect(parked.parkedOn).toBeUndefined();
  });
});
