import { describe, expect, it } from 'vitest';

import {
  CancelledError,
  currentSignal,
  NotInCoroutineError,
  scope,
  shield,
  simulate,
  sleep,
  spawn,
  timeout,
  TimeoutError,
  wait,
  withSignal,
  yieldNow,
} from 'stackful';

/** Like a fetch without an answer: it ends only when its signal is aborted. */
function work(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error); }); });
}

describe('currentSignal', () => {
  it('is aborted by the cancellation of the coroutine, with its error', async () => {
    let signal!: AbortSignal;
    const c = spawn(() => wait(work((signal = currentSignal()))));
    await spawn(() => { yieldNow(); });
    expect(signal.aborted).toBe(false);
    c.cancel('because');
    expect(signal.reason).toMatchObject({ code: 'ERR_CANCELLED', reason: 'because' });
    await expect(c).rejects.toBeInstanceOf(CancelledError);
  });

  it('is aborted by the timeout it was taken in, and those around, and not by those inside', async () => {
    await simulate({ seed: 1 }, () => {
      const outside = currentSignal();
      let middle!: AbortSignal;
      let inside!: AbortSignal;
      timeout(100, () => {
        middle = currentSignal();
        timeout(10, () => {
          inside = currentSignal();
          expect(new Set([outside, middle, inside]).size).toBe(3);
          sleep(1000);
        }, () => 0);
        expect(inside.reason).toBeInstanceOf(TimeoutError);
        expect(middle.aborted).toBe(false);
        timeout(1000, () => {
          inside = currentSignal();
          sleep(1000);
        });
      }, () => 0);
      expect(inside.reason).toBeInstanceOf(TimeoutError);
      expect(middle.reason).toBe(inside.reason);
      expect(outside.aborted).toBe(false);
      expect(currentSignal()).toBe(outside);
    });
  });

  it('is left alone by a scope that was left in time', async () => {
    await spawn(() => {
      const signal = timeout(1, () => currentSignal());
      sleep(3);
      expect(signal.aborted).toBe(false);
      // The next scope gets its number.
      expect(() => timeout(1, () => { sleep(1000); })).toThrow(TimeoutError);
      expect(signal.aborted).toBe(false);
    });
  });

  it('is aborted by withSignal, with the reason, and by scopes', async () => {
    await spawn(() => {
      const controller = new AbortController();
      const reason = new Error('enough');
      let signal!: AbortSignal;
      setImmediate(() => { controller.abort(reason); });
      expect(() => withSignal(controller.signal, () => wait(work((signal = currentSignal()))))).toThrow('enough');
      expect(signal.reason).toBe(reason);

      let child!: AbortSignal;
      expect(() => scope((s) => {
        s.spawn(() => wait(work((child = currentSignal()))));
        s.spawn(() => { yieldNow(); throw new Error('failed'); });
        wait(work((signal = currentSignal())));
      })).toThrow('failed');
      expect(signal.reason).toBeInstanceOf(CancelledError);
      expect(child.reason).toBeInstanceOf(CancelledError);
      expect(currentSignal().aborted).toBe(false);
    });
  });

  it('in a shield is not aborted by what lies around that', async () => {
    let inside!: AbortSignal;
    let own!: AbortSignal;
    let outside!: AbortSignal;
    const c = spawn(() => {
      outside = currentSignal();
      shield(() => {
        inside = currentSignal();
        timeout(5, () => { own = currentSignal(); sleep(1000); }, () => 0);
      });
      sleep(1000);
    });
    await spawn(() => { yieldNow(); });
    c.cancel();
    expect(outside.aborted).toBe(true);
    await expect(c).rejects.toBeInstanceOf(CancelledError);
    expect(inside.aborted).toBe(false);
    expect(own.reason).toBeInstanceOf(TimeoutError);
  });

  it('is aborted from the start where calls end early already', async () => {
    const c = spawn(() => {
      try {
        sleep(1e6);
      } catch {
        return currentSignal();
      }
      return undefined;
    });
    await spawn(() => { yieldNow(); });
    c.cancel('late');
    expect((await c)!.reason).toMatchObject({ code: 'ERR_CANCELLED', reason: 'late' });
    const expired = await spawn(() => timeout(0, () => {
      try {
        sleep(1000);
      } catch {
        return currentSignal();
      }
      return undefined;
    }));
    expect(expired!.reason).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  it('ends a real request, and gives the connection back', async () => {
    const { createServer } = await import('node:http');
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const left = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    await spawn(() => {
      const url = `http://127.0.0.1:${String(port)}/`;
      expect(() => timeout(50, () => wait(fetch(url, { signal: currentSignal() })))).toThrow(TimeoutError);
    });
    await left;
    server.close();
  });

  it('is refused outside a coroutine', () => {
    expect(() => currentSignal()).toThrow(NotInCoroutineError);
  });
});
