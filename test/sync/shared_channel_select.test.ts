import { describe, expect, it } from 'vitest';

import { after, Channel, select, sending, SharedChannel, spawn, timeout, yieldNow } from 'stackful';

import { worker } from './channel_worker.js';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('select', () => {
  it('takes the next value, whichever thread sends it, and the end', async () => {
    const [there, back] = [new SharedChannel<number>(), new SharedChannel<number>()];
    const local = new Channel<string>(1);
    const ended = worker([there.handle, back.handle], 'for (const n of channels[0]) channels[1].send(-n); channels[1].close();');
    await spawn(() => {
      const got: (number | string)[] = [];
      for (let n = 1; n <= 300; n++) {
        there.send(n);
        if (n % 3 === 0) spawn(() => { local.send('local'); });
        for (let i = n % 3 === 0 ? 2 : 1; i > 0; i--) {
          const next = select({ back, local, late: after(60_000) });
          if (next.key === 'late' || next.closed) throw new Error(next.key);
          got.push(next.value);
        }
      }
      expect(got.filter((value) => typeof value === 'number')).toEqual(Array.from({ length: 300 }, (_, n) => -n - 1));
      expect(got.filter((value) => value === 'local')).toHaveLength(100);
      there.close();
      expect(select({ back })).toEqual({ key: 'back', value: undefined, closed: true });
    });
    await ended;
  });

  it('sends where there is room first', async () => {
    const [full, free] = [new SharedChannel<string>(1), new SharedChannel<string>(1)];
    full.trySend('earlier');
    await spawn(() => {
      expect(select({ full: sending(full, 'x'), free: sending(free, 'y') }).key).toBe('free');
      expect([full.length, free.tryReceive()]).toEqual([1, { value: 'y' }]);
      free.trySend('again');
      const waiting = spawn(() => select({ full: sending(full, 'x'), free: sending(free, 'z') }).key);
      yieldNow();
      expect(full.receive()).toBe('earlier');
      expect(waiting.join()).toBe('full');
      full.close();
      expect(() => select([sending(full, 'x')])).toThrow(withCode('ERR_CHANNEL_CLOSED'));
    });
  });

  it('ends by its limit, and what it leaves goes to others', async () => {
    const channel = new SharedChannel<string>(1);
    await spawn(() => {
      expect(select({ channel, late: after(5) }).key).toBe('late');
      expect(() => timeout(5, () => select([channel]))).toThrow(withCode('ERR_TIMEOUT'));
      expect(() => select([channel], { signal: AbortSignal.timeout(5) })).toThrow(expect.objectContaining({ name: 'TimeoutError' }) as never);
      const selecting = spawn(() => select([channel]));
      const receiving = spawn(() => channel.receive());
      yieldNow();
      selecting.cancel();
      expect(() => selecting.join()).toThrow(withCode('ERR_CANCELLED'));
      channel.trySend('value');
      expect(receiving.join()).toBe('value');
    });
  });
});
