import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';


import { CancelledError, NotInCoroutineError, shield, sleep, spawn, timeout, wait, withSignal, yieldNow } from 'stackful';
import { readFile, writeFile } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

const never = new Promise<never>(() => undefined);

describe('withSignal', () => {
  it('ends the calls inside with the reason, and none after it', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: unknown[] = [];
    await spawn(() => {
      setTimeout(() => { controller.abort(reason); }, 2);
      withSignal(controller.signal, () => {
        for (const call of [() => wait(never), () => { sleep(1e6); }, yieldNow]) {
          try { call(); } catch (error) { seen.push(error); }
        }
      });
      sleep(0.1);
    });
    expect(seen).toEqual([reason, reason, reason]);
    expect(getEventListeners(controller.signal, 'abort').length).toBe(0);
  });

  it('throws at once when it is aborted already', async () => {
    await spawn(() => {
      let ran = false;
      expect(() => withSignal(AbortSignal.abort('why'), () => { ran = true; })).toThrow('why');
      expect(ran).toBe(false);
      sleep(0.1);
    });
  });

  it('any reason will do, and the default one is Node\'s', async () => {
    for (const reason of [null, 0, 'text', undefined]) {
      const controller = new AbortController();
      let seen: unknown = 'nothing';
      await spawn(() => {
        setImmediate(() => { controller.abort(reason); });
        try { withSignal(controller.signal, () => wait(never)); } catch (error) { seen = error; }
      });
      if (reason === undefined) expect(seen).toMatchObject({ name: 'AbortError' });
      else expect(seen).toBe(reason);
    }
  });

  it('of AbortSignal.timeout gives its TimeoutError', async () => {
    await spawn(() => {
      let seen: unknown;
      try { withSignal(AbortSignal.timeout(2), () => wait(never)); } catch (error) { seen = error; }
      expect(seen).toBeInstanceOf(DOMException);
      expect(seen).toMatchObject({ name: 'TimeoutError' });
    });
  });

  it('is held off by a shield, and tells itself apart from a timeout', async () => {
    const controller = new AbortController();
    await spawn(() => {
      expect(() => {
        withSignal(controller.signal, () => {
          shield(() => { controller.abort(new Error('signal')); sleep(0.1); });
          timeout(1, () => { sleep(1e6); });
        });
      }).toThrow('signal');
      sleep(0.1);
    });
  });

  it('aborted while the coroutine runs or is ready, ends the next call', async () => {
    const controller = new AbortController();
    await spawn(() => {
      expect(() => {
        withSignal(controller.signal, () => {
          spawn(() => { controller.abort(new Error('late')); });
          yieldNow();
          sleep(1e6);
        });
      }).toThrow('late');
    });
  });

  it('refuses the main stack and what is no signal', async () => {
    expect(() => withSignal(new AbortController().signal, () => 1)).toThrow(NotInCoroutineError);
    await spawn(() => {
      expect(() => withSignal({} as never, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
  });
});

describe('the signal option', () => {
  it('of sleep, join and wait ends that call alone', async () => {
    await spawn(() => {
      let release!: () => void;
      const released = new Promise<void>((resolve) => { release = resolve; });
      const child = spawn(() => { wait(released); return 1; });
      for (const call of [
        (signal: AbortSignal) => { sleep(1e6, { signal }); },
        (signal: AbortSignal) => child.join({ signal }),
        (signal: AbortSignal) => wait(never, { signal }),
        (signal: AbortSignal) => wait(child, { signal }),
      ]) {
        const controller = new AbortController();
        setTimeout(() => { controller.abort(new Error('enough')); }, 1);
        expect(() => call(controller.signal)).toThrow('enough');
        expect(() => call(controller.signal)).toThrow('enough');
        sleep(0.1);
        expect(getEventListeners(controller.signal, 'abort').length).toBe(0);
      }
      release();
      expect(child.join()).toBe(1);
    });
  });

  it('of calls on sockets and files ends that call alone; what it left half-done is marked', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const at = { port: listener.address.port, host: '127.0.0.1' };
      const soon = () => ({ signal: AbortSignal.timeout(2) });
      const timedOut = expect.objectContaining({ name: 'TimeoutError' }) as Error;
      expect(() => listener.accept(soon())).toThrow(timedOut);
      using client = connect({ ...at, ...soon() });
      using served = listener.accept(soon());
      served.write('line\nrest');
      expect(client.readLine(soon())).toBe('line');
      expect(client.readExactly(4, soon()).toString()).toBe('rest');
      for (const call of [
        () => client.read(undefined, soon()),
        () => client.readInto(Buffer.alloc(9), soon()),
        () => client.readExactly(3, soon()),
        () => client.readLine(soon()),
        () => client.readUntil('x', soon()),
      ]) expect(call).toThrow(timedOut);
      served.write('more', soon());
      expect(client.read(undefined, soon())!.toString()).toBe('more');
      expect(() => { client.write(Buffer.alloc(64 << 20), soon()); }).toThrow(timedOut);
      expect(() => { client.write('x'); }).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_BROKEN' }));
      const aborted = { signal: AbortSignal.abort('why') };
      for (const call of [
        () => connect({ ...at, ...aborted }),
        () => readFile('package.json', aborted),
        () => { writeFile('/nowhere/file', 'x', aborted); },
      ]) expect(call).toThrow('why');
      expect(readFile('package.json', { encoding: 'utf8', ...soon() })).toContain('stackful');
    });
  });

  it('of spawn cancels the coroutine with the reason, also when it is aborted already', async () => {
    const controller = new AbortController();
    const child = spawn(() => { sleep(1e6); }, { signal: controller.signal });
    await spawn(() => { sleep(0.5); });
    controller.abort('why');
    await expect(child).rejects.toMatchObject({ code: 'ERR_CANCELLED', reason: 'why' });
    await expect(spawn(() => { sleep(1e6); }, { signal: controller.signal })).rejects.toBeInstanceOf(CancelledError);
    expect(() => spawn(() => 1, { signal: 1 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });

  it('of spawn leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await spawn(() => { sleep(0.1); }, { signal });
    expect(getEventListeners(signal, 'abort').length).toBe(0);
  });
});
