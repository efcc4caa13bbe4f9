import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { WritableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';

import { configure, coroutines, Event, sleep, spawn, wait, yieldNow, type Coroutine } from 'stackful';
import { fromWeb, fromWritable, toReadable, toWeb, toWritable, type Writer } from 'stackful/stream';

import { thrown } from '../fs/support.js';

const parked = (c: Coroutine<unknown>) => { while (c.state === 'ready') yieldNow(); };
const tick = () => { wait(new Promise((resolve) => { setImmediate(resolve); })); };
const MOST = 2 ** 31 - 1;
const enough = new Error('enough');

/** Runs `body` while no coroutine can be spawned. */
async function withoutCoroutines(body: () => Promise<void>): Promise<void> {
  const only = spawn(() => { sleep(60_000); });
  configure({ maxCoroutines: coroutines().length });
  try {
    await body();
  } finally {
    configure({ maxCoroutines: MOST });
    only.cancel();
  }
}

/** A sink that waits in the call that is named, and counts how often it is closed. */
function stuckIn(call: 'write' | 'end') {
  const sink = {
    closed: 0,
    write() { if (call === 'write') sleep(60_000); },
    end() { if (call === 'end') sleep(60_000); },
    close() { sink.closed++; },
  };
  return sink;
}

describe('a web stream to a sink', () => {
  it.each(['write', 'end'] as const)('is aborted while the sink is in %s', async (call) => {
    await spawn(() => {
      const sink = stuckIn(call);
      const writer = toWeb.writable(sink).getWriter();
      const calls = [writer.write('x'), call === 'end' ? writer.close() : writer.write('y')];
      const ends = Promise.allSettled([...calls, writer.abort(enough), writer.closed]);
      const [first, second, aborted, closed] = wait(ends);
      expect(second).toMatchObject({ reason: enough });
      expect(closed).toMatchObject({ reason: enough });
      if (call === 'write') {
        expect(first).toMatchObject({ reason: enough });
        expect(aborted!.status).toBe('fulfilled');
      }
      expect(sink.closed).toBe(1);
    });
  });

  it('closes a sink that fails, once, unless it is not to', async () => {
    await spawn(() => {
      for (const close of [true, false]) {
        let closed = 0;
        const sink = { write: () => { throw enough; }, close: () => { closed++; } };
        const writer = toWeb.writable(sink, { close }).getWriter();
        writer.closed.catch(() => undefined);
        expect(thrown(() => wait(writer.write('x')))).toBe(enough);
        wait(writer.abort());
        expect(closed).toBe(close ? 1 : 0);
      }
    });
  });
});

describe('a web stream from a source', () => {
  it('fails with what is no bytes, and closes the source', async () => {
    await spawn(() => {
      let closed = 0;
      const reader = toWeb({ read: () => ({}) as any, close: () => { closed++; } }).getReader();
      expect(thrown(() => wait(reader.read()))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      expect(closed).toBe(1);
    });
  });

  it('fails when there can be no coroutine for its call', async () => {
    const stream = toWeb({ read: () => 'x' });
    await withoutCoroutines(() => expect(stream.getReader().read()).rejects.toMatchObject({ code: 'ERR_TOO_MANY_COROUTINES' }));
  });
});

describe("a stream of Node's over what parks", () => {
  it('fails when there can be no coroutine for its call', async () => {
    const [readable, writable] = [toReadable({ read: () => 'x' }), toWritable({ write: () => undefined })];
    await withoutCoroutines(async () => {
      readable.read();
      const failed = once(writable, 'error');
      const written = new Promise((resolve) => { writable.write('x', resolve); });
      expect((await once(readable, 'error'))[0]).toMatchObject({ code: 'ERR_TOO_MANY_COROUTINES' });
      expect(await written).toMatchObject({ code: 'ERR_TOO_MANY_COROUTINES' });
      await failed;
    });
  });

  it('ends with what closing the other side throws', async () => {
    const close = () => { throw enough; };
    const readable = toReadable({ read: () => (sleep(60_000), null), close });
    readable.read();
    readable.destroy();
    expect((await once(readable, 'error'))[0]).toBe(enough);
    const writable = toWritable({ write: () => undefined, close });
    writable.destroy();
    expect((await once(writable, 'error'))[0]).toBe(enough);
    await expect(toWeb({ read: () => null, close }).cancel()).rejects.toBe(enough);
    await expect(toWeb.writable({ write: () => undefined, close }).abort()).rejects.toBe(enough);
  });

  it.each([[undefined, { code: 'ERR_STREAM_PREMATURE_CLOSE' }], [enough, enough]])('tells a write that it was destroyed: %s', async (error, seen) => {
    const sink = stuckIn('write');
    const stream = toWritable(sink);
    stream.on('error', () => undefined);
    const written = new Promise((resolve) => { stream.write('x', resolve); });
    stream.destroy(error);
    expect(await written).toMatchObject(seen);
    expect(sink.closed).toBe(1);
  });
});

describe('a Writer', () => {
  /** One to each kind of stream, which ends when `let go`. */
  const kinds: Record<string, (letGo: Event) => Writer> = {
    "a stream of Node's": (letGo) => fromWritable(new Writable({
      write(_chunk, _encoding, done) { done(); },
      final(done) { void spawn(() => { letGo.wait(); }).then(() => { done(); }); },
    })),
    'a stream that does not tell whether it was ended': (letGo) => {
      const stream = new PassThrough();
      stream.resume();
      let ends = 0;
      return fromWritable({
        write: () => true,
        end() {
          if (ends++ > 0) throw new Error('it was ended twice');
          spawn(() => {
            letGo.wait();
            stream.end();
          });
        },
        on: (event, listener) => stream.on(event, listener),
        off: (event, listener) => stream.off(event, listener),
      });
    },
    'a web stream': (letGo) => fromWeb(new WritableStream({ close: () => spawn(() => { letGo.wait(); }).promise })),
  };

  it.each(Object.keys(kinds))('whose end was interrupted can be ended again, and takes no more: %s', async (kind) => {
    await spawn(() => {
      const letGo = new Event();
      const writer = kinds[kind]!(letGo);
      writer.write('x');
      const first = spawn(() => { writer.end(); });
      parked(first);
      first.cancel();
      expect(thrown(() => { first.join(); })).toMatchObject({ code: 'ERR_CANCELLED' });
      expect(thrown(() => { writer.write('y'); })).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
      const second = spawn(() => { writer.end(); });
      parked(second);
      tick();
      expect(second.state).toBe('parked');
      letGo.set();
      second.join();
      writer.end();
      expect(thrown(() => { writer.write('y'); })).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
    });
  });

  it('does nothing where it cannot wait', async () => {
    const seen: unknown[] = [];
    const taken = new WritableStream({ write: (chunk) => { seen.push(String(chunk)); }, close: () => { seen.push('end'); } });
    const writer = fromWeb(taken);
    expect(thrown(() => { writer.write('x'); })).toMatchObject({ code: 'ERR_NOT_IN_COROUTINE' });
    expect(thrown(() => { writer.end(); })).toMatchObject({ code: 'ERR_NOT_IN_COROUTINE' });
    await spawn(() => {
      writer.write('y');
      writer.end();
    });
    expect(seen).toEqual(['y', 'end']);
  });

  it('that is closed while a write waits says why the write failed', async () => {
    await spawn(() => {
      let letGo = () => {};
      const writer = fromWeb(new WritableStream({ write: () => new Promise<void>((resolve) => { letGo = resolve; }) }));
      const writing = spawn(() => { writer.write('x'); });
      const waiting = spawn(() => thrown(() => { writer.write('y'); }));
      parked(waiting);
      // The first has reached the sink.
      tick();
      writer.close();
      letGo();
      writing.join();
      expect(waiting.join()).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
      expect(thrown(() => { writer.write('z'); })).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
    });
  });
});
