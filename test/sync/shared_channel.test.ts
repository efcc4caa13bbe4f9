import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext, runInThisContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { Channel, SharedChannel, simulate, sleep, spawn, timeout, yieldNow } from 'stackful';

import { worker } from './channel_worker.js';

const run = promisify(execFile);
const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('SharedChannel', () => {
  it('keeps as many values as it has capacity, in order, and holds senders then', async () => {
    const channel = new SharedChannel<number>(3);
    await spawn(() => {
      const sender = spawn(() => { for (let i = 0; i < 10; i++) channel.send(i); channel.close(); });
      yieldNow();
      expect(channel.length).toBe(3);
      expect(sender.parkedOn).toBe('channel.send');
      expect([...channel]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(channel.length).toBe(0);
    });
  });

  it('is the same channel wherever its handle is', async () => {
    const channel = new SharedChannel<string>(5);
    const again = SharedChannel.from<string>(channel.handle, { name: 'again' });
    expect([again.capacity, again.name, new SharedChannel(Infinity).capacity, new SharedChannel().capacity])
      .toEqual([5, 'again', Infinity, 1024]);
    channel.trySend('hello');
    expect(again.length).toBe(1);
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(channel.handle);
    const handle = await new Promise<SharedArrayBuffer>((resolve) => port2.once('message', resolve));
    port1.close();
    expect(SharedChannel.from<string>(handle).tryReceive()).toEqual({ value: 'hello' });
    again.close();
    expect([channel.closed, channel.tryReceive()]).toEqual([true, undefined]);
  });

  it('joins workers, in both directions', async () => {
    const [there, back] = [new SharedChannel<number>(2), new SharedChannel<number>(2)];
    const ended = worker([there.handle, back.handle], 'for (const n of channels[0]) channels[1].send(n * n); channels[1].close();');
    await spawn(() => {
      spawn(() => { for (let n = 0; n < 1000; n++) there.send(n); there.close(); });
      expect([...back]).toEqual(Array.from({ length: 1000 }, (_, n) => n * n));
    });
    await ended;
  });

  it('gives each value to one receiver, whichever thread that is in', async () => {
    const [jobs, done] = [new SharedChannel<number>(7), new SharedChannel<[thread: number, job: number]>()];
    const workers = [1, 2, 3].map((n) => worker([jobs.handle, done.handle], `for (const job of channels[0]) channels[1].send([${n}, job]);`));
    void Promise.all(workers).then(() => { done.close(); });
    await spawn(() => {
      spawn(() => { for (let n = 0; n < 900; n++) jobs.send(n); jobs.close(); });
      const all = [...done];
      expect(all.map(([, job]) => job).sort((a, b) => a - b)).toEqual(Array.from({ length: 900 }, (_, n) => n));
      for (const n of [1, 2, 3]) {
        const own = all.filter(([thread]) => thread === n).map(([, job]) => job);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
    });
  });

  it('carries one channel in another, for an answer', async () => {
    const asked = new SharedChannel<{ n: number; to: SharedArrayBuffer }>();
    const ended = worker([asked.handle], 'for (const { n, to } of channels[0]) SharedChannel.from(to).send(n + 1);');
    await spawn(() => {
      const answers = new SharedChannel<number>(1);
      asked.send({ n: 41, to: answers.handle });
      expect(answers.receive()).toBe(42);
      asked.close();
    });
    await ended;
  });

  it('keeps its thread alive while a coroutine waits, and only then', async () => {
    const channel = new SharedChannel<string>();
    const ended = worker([channel.handle], 'channels[0].receive();');
    await spawn(() => {
      sleep(50);
      channel.send('go');
    });
    await ended;
    await worker([channel.handle], '');
  });

  it('keeps values of threads that have ended', async () => {
    const channel = new SharedChannel<unknown>();
    await worker([channel.handle], 'channels[0].send({ text: "left" }); channels[0].send(new Uint8Array([1, 2])); channels[0].close();');
    await spawn(() => { expect([...channel]).toEqual([{ text: 'left' }, new Uint8Array([1, 2])]); });
  });
});

describe('a value', () => {
  const sent = (value: unknown, options?: { transfer: ArrayBuffer[] }) => {
    const channel = new SharedChannel<unknown>();
    channel.trySend(value, options);
    return channel.tryReceive()!.value;
  };

  it.each([
    undefined, null, true, false, 0, -0, 1.5, NaN, Infinity, 2 ** 40, 12345678901234567890n, '', 'text', 'ü', '\u{1f600} and \ud800',
    'x'.repeat(100_000), [], Array(3), {}, { a: { b: ['c'] } }, new Map([[1, new Set(['a'])]]), new Date(5), /x+/gi,
    new Uint8Array(0), new Uint8Array([1, 2, 3]), new Float64Array([0.5]), new DataView(new ArrayBuffer(3)), new ArrayBuffer(5),
    new Error('message'), Object(1),
  ])('arrives as structuredClone makes it: %o', (value) => {
    expect(sent(value)).toStrictEqual(structuredClone(value));
  });

  it('that is a view of a buffer that grows arrives with all that the view has', () => {
    for (const offset of [0, 4]) {
      type Resizable = ArrayBuffer & { resize: (to: number) => void };
      const buffer = runInThisContext('new ArrayBuffer(8, { maxByteLength: 100 })') as Resizable;
      const view = new Uint8Array(buffer, offset);
      buffer.resize(20);
      view.fill(7);
      expect(sent(view)).toEqual(new Uint8Array(20 - offset).fill(7));
    }
  });

  it('may be of another vm context', () => {
    const buffer = runInNewContext('new Uint8Array([1, 2, 3]).buffer') as ArrayBuffer;
    expect([(sent(buffer, { transfer: [buffer] }) as ArrayBuffer).byteLength, buffer.byteLength]).toEqual([3, 0]);
    const shared = runInNewContext('new SharedArrayBuffer(8)') as SharedArrayBuffer;
    expect(() => SharedChannel.from(shared)).toThrow(withCode('ERR_NO_SUCH_CHANNEL'));
  });

  it('may be a module of WebAssembly', () => {
    const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } };
    const empty = new wasm.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    expect(sent({ empty })).toEqual({ empty: expect.any(wasm.Module) as object });
  });

  it('may refer to itself', () => {
    const value: { self?: object } = {};
    value.self = value;
    const got = sent(value) as typeof value;
    expect(got.self).toBe(got);
  });

  it('that is a view arrives without what else is in its buffer', () => {
    const got = sent(Buffer.from('abc')) as Uint8Array;
    expect([got.constructor, Buffer.from(got).toString(), got.buffer.byteLength]).toEqual([Uint8Array, 'abc', 3]);
  });

  it('may hold memory that threads share', () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const got = sent({ words, again: words.buffer }) as { words: Int32Array; again: SharedArrayBuffer };
    got.words[1] = 7;
    expect([words[1], new Int32Array(got.again)[1]]).toEqual([7, 7]);
    const bytes = sent(new Uint8Array(words.buffer)) as Uint8Array;
    bytes[0] = 9;
    expect(words[0]).toBe(9);
  });

  it('may give its buffers away', () => {
    const buffer = new Uint8Array([1, 2, 3]).buffer;
    const view = new Uint8Array(buffer);
    const got = sent({ view, buffer }, { transfer: [buffer] }) as { view: Uint8Array; buffer: ArrayBuffer };
    expect([buffer.byteLength, view.length, [...got.view], got.view.buffer === got.buffer]).toEqual([0, 0, [1, 2, 3], true]);
  });

  it('that cannot be copied is refused, and takes no room', () => {
    const channel = new SharedChannel<unknown>(1);
    const { port1 } = new MessageChannel();
    for (const value of [() => undefined, Symbol('x'), { f() { /* not cloneable */ } }, port1, new WeakMap(), Promise.resolve()]) {
      expect(() => channel.trySend(value)).toThrow(withCode('ERR_NOT_CLONEABLE'));
    }
    port1.close();
    const failing = { get part(): never { throw new RangeError('of the getter'); } };
    expect(() => channel.trySend(failing)).toThrow(new RangeError('of the getter'));
    const buffer = new ArrayBuffer(8);
    expect(() => channel.trySend({ buffer, f: () => undefined }, { transfer: [buffer] })).toThrow(withCode('ERR_NOT_CLONEABLE'));
    expect(() => channel.trySend(buffer, { transfer: [buffer, buffer] })).toThrow();
    expect([buffer.byteLength, channel.length]).toEqual([8, 0]);
    expect([channel.trySend('fits'), channel.trySend('does not')]).toEqual([true, false]);
  });

  it('is refused by a plain error, whatever setters there are', () => {
    Object.defineProperty(Error.prototype, 'code', { configurable: true, set() { throw new Error('of the setter'); } });
    try {
      expect(() => new SharedChannel<unknown>().trySend(() => undefined)).toThrow(withCode('ERR_NOT_CLONEABLE'));
    } finally {
      delete (Error.prototype as { code?: string }).code;
    }
  });

  it('takes no room when the stack is full', async () => {
    const channel = new SharedChannel<ArrayBuffer>(1000);
    const send = [
      (buffer: ArrayBuffer) => { channel.send(buffer, { transfer: [buffer] }); },
      (buffer: ArrayBuffer) => { if (!channel.trySend(buffer, { transfer: [buffer] })) throw new Error('full'); },
    ];
    let failed = 0;
    for (let i = 0; i < 40; i++) {
      let sent = false;
      // From the end of the stack on, until there is enough of it.
      const deep = (): void => {
        try { deep(); } catch { /* the stack is full */ }
        if (sent) return;
        const buffer = new ArrayBuffer(1);
        try {
          send[i % 2]!(buffer);
          sent = true;
        } catch (error) {
          failed++;
          if (!(error instanceof RangeError) || buffer.byteLength === 0) throw error;
        }
      };
      await spawn(deep);
      expect(channel.length).toBe(i + 1);
    }
    expect(failed).toBeGreaterThan(0);
    channel.close();
    while (channel.tryReceive());
    await expect(spawn(() => channel.receive())).rejects.toThrow(withCode('ERR_CHANNEL_CLOSED'));
  });

  it('leaves alone the memory that Node shares among small Buffers', () => {
    const channel = new SharedChannel<unknown>(1);
    const small = Buffer.from('small');
    const pool = small.buffer;
    try {
      channel.trySend(pool, { transfer: [pool] }); // Node 20 copies what it does not transfer
      expect((channel.tryReceive()!.value as ArrayBuffer).byteLength).toBe(pool.byteLength);
    } catch (error) {
      expect(error).toMatchObject({ name: 'DataCloneError' });
    }
    expect([small.toString(), channel.length]).toEqual(['small', 0]);
  });

  it('may park while it is copied', async () => {
    const channel = new SharedChannel<{ part: string }>(1);
    await spawn(() => {
      spawn(() => { channel.send({ get part() { sleep(1); return 'late'; } }); });
      expect(channel.receive()).toEqual({ part: 'late' });
    });
  });
});

describe('a wait', () => {
  it('ends with the close of the channel', async () => {
    const channel = new SharedChannel<number>(1);
    await spawn(() => {
      channel.send(1);
      const sender = spawn(() => { channel.send(2); });
      yieldNow();
      channel.close();
      expect(() => { sender.join(); }).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(channel.receive()).toBe(1);
      expect(() => channel.receive()).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(() => channel.trySend(3)).toThrow(withCode('ERR_CHANNEL_CLOSED'));
    });
    const empty = new SharedChannel();
    const receiver = spawn(() => { empty.receive(); });
    setImmediate(() => { empty.close(); });
    await expect(receiver).rejects.toThrow(withCode('ERR_CHANNEL_CLOSED'));
  });

  it('ends early by a limit, a cancellation, a signal, and nothing is lost', async () => {
    const channel = new SharedChannel<string>(1);
    await spawn(() => {
      expect(() => timeout(5, () => channel.receive())).toThrow(withCode('ERR_TIMEOUT'));
      const cancelled = spawn(() => channel.receive());
      yieldNow();
      cancelled.cancel();
      expect(() => { cancelled.join(); }).toThrow(withCode('ERR_CANCELLED'));
      expect(() => channel.receive({ signal: AbortSignal.timeout(5) })).toThrow(expect.objectContaining({ name: 'TimeoutError' }) as never);
      channel.send('first');
      expect(() => { channel.send('second', { signal: AbortSignal.timeout(5) }); }).toThrow(expect.objectContaining({ name: 'TimeoutError' }) as never);
      const buffer = new ArrayBuffer(4);
      expect(() => { timeout(5, () => { channel.send('third', { transfer: [buffer] }); }); }).toThrow(withCode('ERR_TIMEOUT'));
      expect(() => { channel.send('fourth', { signal: AbortSignal.abort('over') }); }).toThrow('over');
      expect([buffer.byteLength, channel.length, channel.receive(), channel.length]).toEqual([4, 1, 'first', 0]);
    });
  });

  it('is refused where nothing can park', () => {
    const channel = new SharedChannel<number>();
    expect(() => { channel.send(1); }).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => channel.receive()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(channel.length).toBe(0);
  });

  it('survives the end of other threads', async () => {
    const program = fileURLToPath(new URL('../children/shared_channel.mjs', import.meta.url));
    const { stdout } = await run(process.execPath, [program, '15'], { timeout: 120_000, killSignal: 'SIGKILL' });
    expect(stdout).toBe('ok 15 terminated\n');
  });
});

describe('a simulation', () => {
  it.each([1, 2, 3, 4, 5])('has channels between its coroutines: seed %i', async (seed) => {
    const got = await simulate({ seed }, () => {
      const channel = new SharedChannel<number>(2);
      const receiver = spawn(() => [...channel]);
      for (let n = 0; n < 10; n++) {
        sleep(1);
        channel.send(n);
      }
      channel.close();
      return receiver.join();
    });
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('bad arguments', () => {
  it.each([0, -1, 0.5, NaN, -Infinity, 2 ** 60])('capacity %s', (capacity) => {
    expect(() => new SharedChannel(capacity)).toThrow(withCode('ERR_OUT_OF_RANGE'));
  });

  it('of other types', () => {
    const channel = new SharedChannel<unknown>();
    expect(() => new SharedChannel('5' as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => new SharedChannel(5, { title: 'x' } as never)).toThrow(withCode('ERR_UNKNOWN_OPTION'));
    expect(() => SharedChannel.from({} as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    const madeUp = new SharedArrayBuffer(8);
    new Uint8Array(madeUp).set(new Uint8Array(channel.handle));
    new Uint8Array(madeUp)[0] ||= 1;
    expect(() => SharedChannel.from(madeUp)).toThrow(withCode('ERR_NO_SUCH_CHANNEL'));
    new Uint8Array(channel.handle).fill(255);
    expect(SharedChannel.from(channel.handle).capacity).toBe(channel.capacity);
    expect(() => SharedChannel.from(undefined as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => channel.trySend(1, { transfer: 5 } as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    for (const size of [0, 8, 16]) expect(() => SharedChannel.from(new SharedArrayBuffer(size))).toThrow(withCode('ERR_NO_SUCH_CHANNEL'));
    expect(() => channel.trySend(1, { transfer: [new Uint8Array(1)] } as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    for (const one of [channel, new Channel()]) expect(() => channel.trySend(one)).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
    expect(() => channel.trySend(1, { transfers: [] } as never)).toThrow(withCode('ERR_UNKNOWN_OPTION'));
    expect(channel.length).toBe(0);
  });

  it('is shown by name', () => {
    const channel = new SharedChannel(3, { name: 'jobs' });
    expect(channel.label).toMatch(/^SharedChannel #\d+ jobs$/);
    expect(channel.about()).toEqual({ length: 0, capacity: 3, closed: false });
  });
});
