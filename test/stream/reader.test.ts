import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { CancelledError, NotInCoroutineError, sleep, spawn, timeout, wait, type Coroutine } from 'stackful';
import { open } from 'stackful/fs';
import { serve } from 'stackful/http';
import { connect, listen } from 'stackful/net';
import { Reader, type Source } from 'stackful/stream';

import { temporaryDirectory, thrown } from '../fs/support.js';

const directory = temporaryDirectory();
const TEXT = 'first\r\nsecond\n\nthé fourth\nlast';
const CHUNKS = ['fir', 'st\r', '\nsecond\n\nth', 'é fourth\nla', 'st'];
const path = join(directory, 'text');
fs.writeFileSync(path, TEXT);

async function* later(chunks: string[]) {
  for (const chunk of chunks) {
    await new Promise((resolve) => { setImmediate(resolve); });
    yield Buffer.from(chunk);
  }
}

/** Something with a `read` that parks. */
function parking(chunks: readonly string[]): { read(): Buffer | null } {
  const left = [...chunks];
  return {
    read: () => {
      sleep(0);
      const chunk = left.shift();
      return chunk === undefined ? null : Buffer.from(chunk);
    },
  };
}

function socketWith(chunks: readonly string[]) {
  const listener = listen({ host: '127.0.0.1', port: 0 });
  spawn(() => {
    using socket = listener.accept();
    listener.close();
    try {
      for (const chunk of chunks) {
        socket.write(chunk);
        sleep(1);
      }
    } catch {
      // The reader has closed it.
    }
  });
  return connect({ host: '127.0.0.1', port: (listener.address as any).port });
}

const SOURCES: Record<string, () => Source> = {
  'something with read': () => parking(CHUNKS),
  'a socket': () => socketWith(CHUNKS),
  'a file': () => open(path),
  'a generator': () => (function* () { for (const chunk of CHUNKS) { sleep(0); yield chunk; } })(),
  'a list': () => CHUNKS,
  text: () => TEXT,
  bytes: () => Buffer.from(TEXT),
  'an async generator': () => later(CHUNKS),
  "a stream of Node's": () => Readable.from(CHUNKS.map((chunk) => Buffer.from(chunk))),
  'a stream with an encoding': () => Readable.from(CHUNKS.map((chunk) => Buffer.from(chunk)), { objectMode: false }).setEncoding('latin1'),
  'a web stream': () => new Blob(CHUNKS).stream(),
  'another reader': () => new Reader(parking(CHUNKS)),
};

describe.each(Object.keys(SOURCES))('a Reader of %s', (name) => {
  const make = () => new Reader(SOURCES[name]!());

  it('reads lines', async () => {
    await spawn(() => {
      expect([...make().lines()]).toEqual(['first', 'second', '', 'thé fourth', 'last']);
      const reader = make();
      expect(reader.readLine()).toBe('first');
      expect(String(reader.readExactly(3))).toBe('sec');
      expect(String(reader.peek(3))).toBe('ond');
      expect(String(reader.readUntil('d\n\n'))).toBe('ond\n\n');
      expect(String(reader.read(2))).toBe('th');
      expect(reader.peek(1000).toString()).toBe('é fourth\nlast');
      expect(String(reader.readUntil('!'))).toBe('é fourth\nlast');
      expect([reader.read(), reader.readLine(), reader.readUntil('x'), reader.peek(5).length]).toEqual([null, null, null, 0]);
      expect(thrown(() => reader.readExactly(1)).code).toBe('ERR_END_OF_STREAM');
    });
  });

  it('gives every byte once', async () => {
    await spawn(() => {
      expect(Buffer.concat([...make()]).toString()).toBe(TEXT);
      const reader = make();
      const parts: Buffer[] = [];
      for (let size = 1; ; size++) {
        const part = Buffer.alloc(size);
        const count = reader.readInto(part);
        if (count === 0) break;
        parts.push(part.subarray(0, count));
      }
      expect(Buffer.concat(parts).toString()).toBe(TEXT);
    });
  });

  it('is used by several coroutines', async () => {
    await spawn(() => {
      const reader = make();
      const seen: string[] = [];
      const readers = [1, 2, 3].map(() => spawn(() => {
        for (let line = reader.readLine(); line !== null; line = reader.readLine()) seen.push(line);
      }));
      for (const c of readers) c.join();
      expect(seen.sort()).toEqual(['first', 'second', '', 'thé fourth', 'last'].sort());
    });
  });

  it('is closed', async () => {
    await spawn(() => {
      const reader = make();
      expect(reader.closed).toBe(false);
      reader.readLine();
      reader.close();
      reader.close();
      expect(reader.closed).toBe(true);
      for (const call of [() => reader.read(), () => reader.readLine(), () => reader.readExactly(1), () => reader.peek(1), () => reader.readUntil('x')]) {
        expect(thrown(call).code).toBe('ERR_READER_CLOSED');
      }
    });
  });
});

it('reads the body of a request', async () => {
  const server = serve((request) => [...new Reader(request).lines()].join('|'), { host: '127.0.0.1' });
  const response = await fetch(`http://127.0.0.1:${String(server.port)}/`, { method: 'POST', body: 'one\ntwo\nthree' });
  expect(await response.text()).toBe('one|two|three');
  await server.close();
});

it('loses nothing when it is interrupted', async () => {
  await spawn(() => {
    const stream = new PassThrough();
    const web = new TransformStream<Uint8Array, Uint8Array>();
    const writer = web.writable.getWriter();
    const async = later(['a', 'b\n']);
    for (const [source, write] of [
      [stream, (text: string) => stream.write(text)],
      [web.readable, (text: string) => writer.write(Buffer.from(text))],
    ] as const) {
      const reader = new Reader(source as Source);
      void write('ab');
      const interrupted = () => timeout(3, () => reader.readLine(), () => 'late');
      expect(interrupted()).toBe('late');
      expect(interrupted()).toBe('late');
      void write('c\nd');
      expect(reader.readLine()).toBe('abc');
      expect(interrupted()).toBe('late');
      void write('\n');
      expect(reader.readLine()).toBe('d');
    }
    expect(new Reader(async).readLine()).toBe('ab');
  });
});

it('does not take an interrupted generator for one that has ended', async () => {
  await spawn(() => {
    const reader = new Reader((function* () { sleep(10_000); yield 'never'; })());
    const error = thrown(() => timeout(2, () => reader.read()));
    expect(error.code).toBe('ERR_TIMEOUT');
    expect(thrown(() => reader.read())).toBe(error);
  });
});

it('ends early by cancellation, a signal and a close', async () => {
  const stream = new PassThrough();
  const reader = new Reader(stream);
  const waiting = () => spawn(() => thrown(() => reader.readLine()));
  const parked = async (c: Coroutine<unknown>) => {
    while (c.state !== 'parked') await new Promise((resolve) => { setImmediate(resolve); });
  };
  const cancelled = waiting();
  await parked(cancelled);
  expect(cancelled.parkedOn).toBe('readable.read');
  cancelled.cancel('enough');
  expect(await cancelled).toBeInstanceOf(CancelledError);
  const controller = new AbortController();
  const aborted = spawn(() => thrown(() => reader.read(1, { signal: controller.signal })));
  await parked(aborted);
  controller.abort(new Error('away'));
  expect((await aborted).message).toBe('away');
  const closed = waiting();
  await parked(closed);
  reader.close();
  expect((await closed).code).toBe('ERR_READER_CLOSED');
  expect(stream.destroyed).toBe(true);
  expect(() => new Reader('x').read()).toThrow(NotInCoroutineError);
});

it('throws the errors of its source', async () => {
  await spawn(() => {
    const failing = new Error('broken');
    const sources: Source[] = [
      { read: () => { throw failing; } },
      new Readable({ read() { this.destroy(failing); } }),
      new ReadableStream<Uint8Array>({ pull() { throw failing; } }),
      // eslint-disable-next-line require-yield
      (function* () { throw failing; })(),
      // eslint-disable-next-line require-yield
      (async function* () { throw failing; })(),
    ];
    for (const source of sources) {
      const reader = new Reader(source);
      expect(thrown(() => reader.readLine())).toBe(failing);
    }
    const stream = new PassThrough();
    stream.destroy();
    expect(thrown(() => new Reader(stream).read()).code).toBe('ERR_STREAM_PREMATURE_CLOSE');
    const objects = Readable.from([{ a: 1 }]);
    expect(thrown(() => new Reader(objects).read()).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

it('refuses what it cannot read, and what is no number', async () => {
  for (const bad of [undefined, null, 5, {}, () => undefined, Symbol('x')]) {
    expect(thrown(() => new Reader(bad as any)).code).toBe('ERR_INVALID_ARG_TYPE');
  }
  await spawn(() => {
    const reader = new Reader('abc');
    for (const call of [() => reader.read(0), () => reader.readExactly(-1), () => reader.peek(1.5), () => reader.readLine({ limit: 0 })]) {
      expect(thrown(call).code).toBe('ERR_OUT_OF_RANGE');
    }
    expect(thrown(() => reader.readLine({ limits: 5 } as any)).code).toBe('ERR_UNKNOWN_OPTION');
    expect(thrown(() => reader.readLine({ limit: 2 })).code).toBe('ERR_READ_LIMIT');
    expect(String(reader.read())).toBe('abc');
  });
});

it('reads a FIFO, /proc and a growing file to the end', async () => {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  await spawn(() => {
    const writing = spawn(() => {
      using to = open(fifo, 'w');
      for (let i = 0; i < 50; i++) {
        to.write(`line ${String(i)}\n`);
        if (i % 10 === 0) sleep(1);
      }
    });
    expect([...new Reader(open(fifo)).lines()]).toEqual(Array.from({ length: 50 }, (_, i) => `line ${String(i)}`));
    writing.join();
    expect([...new Reader(open('/proc/self/status')).lines()][0]).toMatch(/^Name:/);
    const growing = join(directory, 'growing');
    fs.writeFileSync(growing, 'a');
    const reader = new Reader(open(growing));
    expect(String(reader.read())).toBe('a');
    fs.appendFileSync(growing, 'b');
    expect(String(reader.read())).toBe('b');
    expect(reader.read()).toBe(null);
  });
});

it('leaves no listener behind', async () => {
  await spawn(() => {
    for (const end of [(r: Reader) => [...r], (r: Reader) => { r.close(); }, (r: Reader) => { r.read(); r.close(); }]) {
      const stream = new PassThrough();
      const before = stream.eventNames().length;
      const reader = new Reader(stream);
      stream.end('text');
      end(reader);
      wait(new Promise((resolve) => { setImmediate(resolve); }));
      for (const event of ['readable', 'end', 'close']) expect([event, stream.listenerCount(event)]).toEqual([event, 0]);
      expect(stream.eventNames().length).toBeLessThanOrEqual(before + 1);
    }
  });
});
