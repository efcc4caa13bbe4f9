import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
// @ts-expect-error It has no types of its own.
import busboy from 'busboy';
import { parse } from 'csv-parse';
import tar from 'tar-stream';
import { describe, expect, it } from 'vitest';

import { Channel, current, sleep, spawn, timeout, wait, waitEach, waitOnce } from 'stackful';
import { open, readFile } from 'stackful/fs';
import { serve } from 'stackful/http';
import { connect, listen } from 'stackful/net';
import { fromReadable, fromWeb, fromWritable, Reader, toReadable, toWeb, toWritable } from 'stackful/stream';

import { temporaryDirectory, thrown } from '../fs/support.js';

const directory = temporaryDirectory();
const data = randomBytes(1_000_000);
const whole = join(directory, 'whole');
fs.writeFileSync(whole, data);
let files = 0;
const fresh = () => join(directory, `file-${String(files++)}`);
const tick = () => { wait(new Promise((resolve) => { setImmediate(resolve); })); };

/** Two ends of a connection. */
function pair() {
  using listener = listen({ host: '127.0.0.1', port: 0 });
  const accepting = spawn(() => listener.accept());
  const client = connect({ host: '127.0.0.1', port: (listener.address as any).port });
  return [client, accepting.join()] as const;
}

describe("streams of Node's", () => {
  it('carry a file through a pipeline, and close it', async () => {
    await spawn(() => {
      const [from, path] = [open(whole), fresh()];
      const to = open(path, 'w');
      wait(pipeline(toReadable(from), createGzip(), createGunzip(), toWritable(to)));
      expect(readFile(path).equals(data)).toBe(true);
      expect([from.fd, to.fd]).toEqual([-1, -1]);
    });
  });

  it('carry a connection both ways, which stays open', async () => {
    await spawn(() => {
      const [client, server] = pair();
      const echo = spawn(() => {
        for (const chunk of server) server.write(chunk);
        server.end();
      });
      const received: Buffer[] = [];
      const reading = spawn(() => { for (const chunk of waitEach<Buffer>(toReadable(client))) received.push(chunk); });
      wait(pipeline(Readable.from([data]), toWritable(client)));
      reading.join();
      echo.join();
      expect(Buffer.concat(received).equals(data)).toBe(true);
      expect([client.closed, server.closed]).toEqual([false, false]);
      client.close();
      server.close();
    });
  });

  it('read no further than they are asked to', async () => {
    await spawn(() => {
      let reads = 0;
      const stream = toReadable({ read: () => (reads++, Buffer.alloc(1000)) }, { highWaterMark: 5000 });
      stream.read(1);
      for (let i = 0; i < 20; i++) tick();
      expect(reads).toBeLessThan(8);
      stream.destroy();
    });
  });

  it('write no more than the sink takes', async () => {
    await spawn(() => {
      const taken = new Channel<Uint8Array | string>();
      const stream = toWritable({ write: (chunk: Uint8Array | string) => { taken.send(chunk); } }, { highWaterMark: 10 });
      expect(stream.write('0123456789')).toBe(false);
      expect(stream.write('more')).toBe(false);
      tick();
      expect(String(taken.receive())).toBe('0123456789');
      const drained = spawn(() => waitOnce(stream, 'drain'));
      expect(String(taken.receive())).toBe('more');
      drained.join();
    });
  });

  it('pass errors on', async () => {
    await spawn(() => {
      const broken = new Error('broken');
      const reading = toReadable({ read: () => { sleep(1); throw broken; } });
      expect(thrown(() => wait(pipeline(reading, new PassThrough())))).toBe(broken);
      const writing = toWritable({ write: () => { sleep(1); throw broken; } });
      expect(thrown(() => { wait(pipeline(Readable.from(['x']), writing)); })).toBe(broken);
      const ending = toWritable({ write: () => undefined, end: () => { throw broken; } });
      expect(thrown(() => { wait(pipeline(Readable.from(['x']), ending)); })).toBe(broken);
    });
  });

  it('cancel the call under way and close the source when they are destroyed', async () => {
    await spawn(() => {
      let [closed, cancelled] = [0, 0];
      const waiting = () => {
        try {
          sleep(60_000);
        } finally {
          cancelled++;
        }
        return null;
      };
      const close = () => { closed++; };
      const reading = toReadable({ read: waiting, close });
      reading.read();
      tick();
      reading.destroy(new Error('enough'));
      expect((waitOnce(reading, 'error')[0] as Error).message).toBe('enough');
      const writing = toWritable({ write: waiting, close });
      writing.write('x');
      tick();
      writing.destroy();
      waitOnce(writing, 'close');
      expect([closed, cancelled]).toEqual([2, 2]);
      const kept = toReadable({ read: () => null, close }, { close: false });
      kept.destroy();
      tick();
      expect(closed).toBe(2);
    });
  });

  it('close a file when a pipeline fails', async () => {
    await spawn(() => {
      const [from, to] = [open(whole), open(fresh(), 'w')];
      const failing = new Writable({ write(_chunk, _encoding, done) { done(new Error('full')); } });
      expect(thrown(() => { wait(pipeline(toReadable(from), failing)); }).message).toBe('full');
      const source = new Readable({ read() { this.destroy(new Error('gone')); } });
      expect(thrown(() => { wait(pipeline(source, toWritable(to))); }).message).toBe('gone');
      expect([from.fd, to.fd]).toEqual([-1, -1]);
    });
  });

  it('tell that a disk is full', async () => {
    await spawn(() => {
      const error = thrown(() => { wait(pipeline(Readable.from(['x']), toWritable(open('/dev/full', 'w')))); });
      expect(error.code).toBe('ENOSPC');
    });
  });
});

describe('fromWritable', () => {
  it('waits while the stream has enough', async () => {
    await spawn(() => {
      const stream = new PassThrough({ readableHighWaterMark: 10, writableHighWaterMark: 100 });
      const writer = fromWritable(stream);
      writer.write('0123456789');
      writer.write('x'.repeat(80));
      let written = false;
      const writing = spawn(() => {
        writer.write('y'.repeat(20));
        written = true;
      });
      for (let i = 0; i < 5; i++) tick();
      expect([written, writing.parkedOn]).toEqual([false, 'writable.write']);
      const ended = spawn(() => {
        writing.join();
        writer.end();
      });
      const rest = Buffer.concat([...fromReadable(stream)]);
      ended.join();
      expect(String(rest)).toBe(`0123456789${'x'.repeat(80)}${'y'.repeat(20)}`);
      expect(thrown(() => { fromWritable(stream).write('z'); }).code).toBe('ERR_STREAM_WRITE_AFTER_END');
    });
  });

  it('throws errors of the stream, also those between two writes', async () => {
    await spawn(() => {
      const stream = new Writable({ write(_chunk, _encoding, done) { setImmediate(done, new Error('late')); } });
      const writer = fromWritable(stream);
      writer.write('x');
      tick();
      tick();
      expect(thrown(() => { writer.write('y'); }).message).toBe('late');
      expect(thrown(() => { writer.end(); }).message).toBe('late');
      const closed = new PassThrough();
      closed.destroy();
      expect(thrown(() => { fromWritable(closed).write('x'); }).code).toBe('ERR_STREAM_PREMATURE_CLOSE');
    });
  });

  it('ends early, and what was given is written', async () => {
    await spawn(() => {
      const stream = new PassThrough({ highWaterMark: 1 });
      const writer = fromWritable(stream);
      expect(timeout(2, () => { writer.write('abc'); return 'done'; }, () => 'late')).toBe('late');
      expect(String(stream.read())).toBe('abc');
      expect(stream.listenerCount('drain')).toBe(1);
      for (let i = 0; i < 20; i++) fromWritable(stream);
      expect(stream.listenerCount('error')).toBe(1);
      writer.close();
      expect(stream.destroyed).toBe(true);
    });
  });
});

describe('web streams', () => {
  it('carry a file and a connection', async () => {
    await spawn(() => {
      const file = open(whole);
      expect(Buffer.from(wait(new Response(toWeb(file)).arrayBuffer())).equals(data)).toBe(true);
      expect(file.fd).toBe(-1);
      const [client, server] = pair();
      const sending = spawn(() => {
        server.write('hello');
        server.end();
      });
      expect(wait(new Response(toWeb(client)).text())).toBe('hello');
      sending.join();
      wait(new Blob(['back']).stream().pipeTo(toWeb.writable(client)));
      expect(String(server.readExactly(4))).toBe('back');
      expect(server.read()).toBe(null);
    });
  });

  it('read only what is asked for, and pass errors and cancellation on', async () => {
    await spawn(() => {
      let reads = 0;
      let closed = false;
      const reader = toWeb({ read: () => (reads++, 'x'), close: () => { closed = true; } }).getReader();
      wait(reader.read());
      tick();
      expect(reads).toBe(1);
      wait(reader.cancel());
      expect(closed).toBe(true);
      const broken = new Error('broken');
      expect(thrown(() => wait(new Response(toWeb({ read: () => { throw broken; } })).text()))).toBe(broken);
      const taken: string[] = [];
      const writable = toWeb({ write: (chunk: string | Uint8Array) => { taken.push(String(Buffer.from(chunk as Uint8Array))); }, end: () => { taken.push('end'); } });
      wait(new Blob(['abc']).stream().pipeTo(writable as any));
      expect(taken).toEqual(['abc', 'end']);
    });
  });

  it('are written in a coroutine', async () => {
    await spawn(() => {
      const { readable, writable } = new TransformStream<any, any>();
      const writing = spawn(() => {
        const writer = fromWeb(writable);
        writer.write('one\n');
        writer.write(Buffer.from('two'));
        writer.end();
      });
      expect([...fromWeb(readable).lines()]).toEqual(['one', 'two']);
      writing.join();
    });
  });
});

describe('programs that take streams', () => {
  it('tar: what is packed is unpacked', async () => {
    await spawn(() => {
      const path = fresh();
      const pack = tar.pack();
      pack.entry({ name: 'a.txt' }, 'content a');
      pack.entry({ name: 'b.bin' }, data);
      pack.finalize();
      const to = open(path, 'w');
      for (const chunk of new Reader(pack)) to.writeFile(chunk);
      to.close();
      const extract = tar.extract();
      const feeding = spawn(() => { wait(pipeline(toReadable(open(path)), extract)); });
      const seen: Record<string, Buffer> = {};
      for (const entry of waitEach<any>(extract)) seen[entry.header.name] = Buffer.concat([...fromReadable(entry)]);
      feeding.join();
      expect(Object.keys(seen)).toEqual(['a.txt', 'b.bin']);
      expect(String(seen['a.txt'])).toBe('content a');
      expect(seen['b.bin']!.equals(data)).toBe(true);
    });
  });

  it('csv: records of a connection', async () => {
    await spawn(() => {
      const [client, server] = pair();
      spawn(() => {
        server.write('name,age\nAda,');
        sleep(1);
        server.write('36\n"Grace, H.",85\n');
        server.end();
      });
      const parser = toReadable(client).pipe(parse({ columns: true }));
      expect([...waitEach(parser)]).toEqual([{ name: 'Ada', age: '36' }, { name: 'Grace, H.', age: '85' }]);
    });
  });

  it('busboy: the files of a form that was posted to a server', async () => {
    const server = serve((request) => {
      const form = busboy({ headers: { 'content-type': request.headers.get('content-type')! } });
      const got: string[] = [];
      form.on('file', (name: string, stream: Readable) => {
        spawn(() => {
          let size = 0;
          for (const chunk of fromReadable(stream)) size += chunk.length;
          got.push(`${name} ${String(size)}`);
        });
      });
      form.on('field', (name: string, value: string) => { got.push(`${name}=${value}`); });
      wait(pipeline(toReadable(request), form));
      return got.sort().join(' ');
    }, { host: '127.0.0.1' });
    const body = new FormData();
    body.set('title', 'a picture');
    body.set('picture', new Blob([data]), 'picture.png');
    const response = await fetch(`http://127.0.0.1:${String(server.port)}/`, { method: 'POST', body });
    expect(await response.text()).toBe('picture 1000000 title=a picture');
    await server.close();
  });
});

it('says what it cannot make a stream of', () => {
  for (const call of [() => toReadable(5 as any), () => toWritable({} as any), () => fromReadable({} as any), () => fromWritable(null as any),
    () => toWeb(undefined as any), () => fromWeb({} as any), () => toReadable('x', { close: 1 as any })]) {
    expect(thrown(call).code).toBe('ERR_INVALID_ARG_TYPE');
  }
  expect(current()).toBe(undefined);
});
