import { describe, expect, it } from 'vitest';

import { atomic, AtomicSectionError, shield, sleep, spawn, timeout, wait, yieldNow } from 'stackful';
import { readFile, stat } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

describe('atomic', () => {
  it('returns what its function returns, and throws what it throws', async () => {
    await spawn(() => {
      expect(atomic(() => 1 + atomic(() => 1))).toBe(2);
      expect(() => atomic(() => { throw new RangeError('mine'); })).toThrow(RangeError);
      sleep(0.1);
    });
    expect(atomic(() => 5)).toBe(5);
  });

  it('refuses every call that can park, naming it, before it does anything', async () => {
    await spawn(() => {
      const child = spawn(() => { sleep(1e6); }, { signal: AbortSignal.timeout(50) });
      child.then(undefined, () => undefined);
      using listener = listen({ port: 0, host: '127.0.0.1' });
      using socket = connect({ port: listener.address.port, host: '127.0.0.1' });
      const calls: [string, () => unknown][] = [
        ['sleep', () => { sleep(1); }],
        ['yieldNow', () => { yieldNow(); }],
        ['join', () => child.join()],
        ['wait', () => wait(Promise.resolve())],
        ['listener.accept', () => listener.accept()],
        ['socket.read', () => socket.read()],
        ['socket.write', () => { socket.write('x'); }],
        ['connect', () => connect({ port: listener.address.port, host: '127.0.0.1' })],
        ['readFile', () => readFile('/proc/self/stat')],
        ['stat', () => stat('/')],
      ];
      for (const [name, call] of calls) {
        let seen: unknown;
        atomic(() => {
          try { call(); } catch (error) { seen = error; }
        });
        expect(seen, name).toBeInstanceOf(AtomicSectionError);
        expect(seen).toMatchObject({ code: 'ERR_ATOMIC_SECTION', name: 'AtomicSectionError' });
        expect((seen as Error).message).toContain(name);
      }
      // The refused write sent nothing, the refused accept took nothing.
      const served = listener.accept();
      socket.write('y');
      expect(served.read()!.toString()).toBe('y');
      served.close();
    });
  });

  it('also inside a shield or a timeout, and past a cancellation', async () => {
    const child = spawn(() => {
      child.cancel();
      atomic(() => {
        expect(() => { shield(() => { sleep(1); }); }).toThrow(AtomicSectionError);
        expect(() => timeout(1, () => { sleep(1); })).toThrow(AtomicSectionError);
      });
      shield(() => {
        expect(() => atomic(() => { yieldNow(); })).toThrow(AtomicSectionError);
        yieldNow();
      });
    });
    await child;
  });

  it('lets code inside spawn, wake and cancel others', async () => {
    const order: string[] = [];
    await spawn(() => {
      const child = atomic(() => {
        const started = spawn(() => { order.push('child'); sleep(1e6); });
        order.push('section');
        return started;
      });
      yieldNow();
      atomic(() => { child.cancel(); });
      expect(() => child.join()).toThrow(expect.objectContaining({ code: 'ERR_CANCELLED' }));
    });
    expect(order).toEqual(['section', 'child']);
  });
});
