import { describe, expect, it } from 'vitest';

import { CancelledError, shield, sleep, spawn, timeout, wait, yieldNow } from 'stackful';

const never = new Promise<never>(() => undefined);

describe('shield', () => {
  it('lets its function finish when the coroutine is cancelled, which then takes effect', async () => {
    const seen: string[] = [];
    let release!: () => void;
    const released = new Promise<void>((resolve) => { release = resolve; });
    const child = spawn(() => {
      shield(() => {
        wait(released);
        seen.push('waited');
        sleep(0.1);
        seen.push('slept');
        yieldNow();
        seen.push('yielded');
      });
      seen.push('left');
      yieldNow();
    });
    await spawn(() => { sleep(0.5); });
    child.cancel('why');
    await spawn(() => { sleep(0.5); });
    expect(seen).toEqual([]);
    release();
    await expect(child).rejects.toMatchObject({ code: 'ERR_CANCELLED', reason: 'why' });
    expect(seen).toEqual(['waited', 'slept', 'yielded', 'left']);
  });

  it('works in a coroutine that is cancelled already: cleaning up in a finally', async () => {
    let cleaned = false;
    const child = spawn(() => {
      try {
        sleep(1e6);
      } finally {
        shield(() => { sleep(1); cleaned = true; });
      }
    });
    await spawn(() => { sleep(0.5); });
    child.cancel();
    await expect(child).rejects.toBeInstanceOf(CancelledError);
    expect(cleaned).toBe(true);
  });

  it('keeps out deadlines from around it but not those inside', async () => {
    await spawn(() => {
      timeout(1, (outer) => {
        shield(() => {
          sleep(3);
          expect(timeout(1, () => wait(never), () => 'inner')).toBe('inner');
          sleep(0.1);
        });
        let error: unknown;
        try { sleep(1e6); } catch (e) { error = e; }
        expect(outer.caused(error)).toBe(true);
      });
      sleep(0.1);
    });
  });

  it('nests, and passes on results and errors', async () => {
    const child = spawn(() => {
      child.cancel();
      expect(shield(() => shield(() => (sleep(0.1), 1)) + (sleep(0.1), 1))).toBe(2);
      expect(() => shield(() => { throw new RangeError('mine'); })).toThrow(RangeError);
      expect(() => { yieldNow(); }).toThrow(CancelledError);
      expect(() => { shield(() => { sleep(0); throw new RangeError('mine'); }); }).toThrow(RangeError);
    });
    await child;
  });

  it('on the main stack only runs its function', () => {
    expect(shield(() => 5)).toBe(5);
  });
});
