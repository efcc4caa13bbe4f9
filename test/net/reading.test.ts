import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, wait } from 'stackful';
import { connect, EndOfStreamError, ReadLimitError, type Socket } from 'stackful/net';

import { gc } from '../support/gc.js';
import { failing, nodeServer, pair, pattern, readAll, thrown } from './peers.js';

/** Connects to a node:net server that sends `pieces`, each after the one before has arrived, and ends. */
function receiving(pieces: (string | Buffer)[], body: (socket: Socket) => void) {
  return spawn(() => {
    using server = nodeServer((socket) => {
      void (async () => {
        socket.setNoDelay(true);
        for (const piece of pieces) {
          await new Promise((resolve) => socket.write(piece, resolve));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        socket.end();
      })();
    });
    using socket = connect({ port: server.port, host: '127.0.0.1' });
    body(socket);
  });
}

describe('read', () => {
  it('gives what has arrived, then null again and again', async () => {
    await receiving(['hello'], (socket) => {
      expect(socket.read()).toEqual(Buffer.from('hello'));
      expect(socket.read()).toBeNull();
      expect(socket.read()).toBeNull();
    });
  });

  it('gives at most max bytes and loses none', async () => {
    await receiving(['hello world'], (socket) => {
      expect(socket.read(5)?.toString()).toBe('hello');
      expect(socket.read(1)?.toString()).toBe(' ');
      expect(socket.read(1e9)?.toString()).toBe('world');
      for (const max of [0, -1, 1.5, NaN])
        expect(thrown(() => socket.read(max)).code).toBe('ERR_OUT_OF_RANGE');
      expect(thrown(() => socket.read('1' as any)).code).toBe('ERR_INVALID_ARG_TYPE');
    });
  });

  it('gives Buffers that stay as they are, small and large', async () => {
    const sizes = [1, 7, 100, 4095, 4096, 4097, 20_000, 40_000, 65_536, 200_000];
    const bytes = pattern(sizes.reduce((a, b) => a + b));
    await receiving([bytes], (socket) => {
      const chunks: Buffer[] = [];
      for (let i = 0; ; i++) {
        const chunk = socket.read(sizes[i % sizes.length]);
        if (chunk === null) break;
        expect(chunk).toBeInstanceOf(Buffer);
        chunks.push(chunk);
      }
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    });
  });

  it('is what iterating does', async () => {
    await receiving([pattern(300_000)], (socket) => {
      let total = 0;
      for (const chunk of socket) total += chunk.length;
      expect(total).toBe(300_000);
    });
  });

  it('never mixes up what several coroutines receive at the same time', async () => {
    await spawn(() => {
      const pairs = Array.from({ length: 40 }, pair);
      const readers = pairs.map(({ server }, i) =>
        spawn(() => {
          const chunks = [...server];
          expect(chunks.every((chunk) => chunk.every((byte) => byte === i))).toBe(true);
          return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        }),
      );
      for (let round = 1; round <= 200; round++) {
        pairs.forEach(({ client }, i) => {
          client.write(Buffer.alloc(round * 7, i));
        });
        if (round % 10 === 0) sleep(0);
      }
      for (const { client } of pairs) client.end();
      for (const reader of readers) expect(reader.join()).toBe((7 * 200 * 201) / 2);
      for (const p of pairs) p.close();
    });
  });

  it('does not give away the memory of others when a Buffer is transferred', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('one');
      const first = server.read()!;
      const memory = first.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
      // Node 20 ignores the wish, later ones refuse it.
      try {
        structuredClone(first, { transfer: [memory] });
      } catch (error) {
        expect((error as Error).name).toBe('DataCloneError');
      }
      expect(first.toString()).toBe('one');
      client.write('two');
      expect(server.read()!.toString()).toBe('two');
      // Node 26 refuses this as well; before, what comes later has other memory.
      try {
        memory.transfer?.();
      } catch (error) {
        expect((error as Error).name).toBe('TypeError');
      }
      client.write('three');
      expect(server.read()!.toString()).toBe('three');
      close();
    });
  });
});

describe('readInto', () => {
  it('fills memory of the caller', async () => {
    await receiving([pattern(10_000)], (socket) => {
      const target = new Uint8Array(3000);
      const all: number[] = [];
      for (let n; (n = socket.readInto(target)) > 0;) all.push(...target.subarray(0, n));
      expect(Buffer.from(all).equals(pattern(10_000))).toBe(true);
      expect(thrown(() => socket.readInto(new Uint8Array(0))).code).toBe('ERR_INVALID_ARG_VALUE');
      expect(thrown(() => socket.readInto('x' as any)).code).toBe('ERR_INVALID_ARG_TYPE');
    });
  });

  it('loses nothing when the memory is transferred while it waits', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const target = new Uint8Array(100);
      const reader = failing(() => server.readInto(target));
      sleep(1);
      structuredClone(target.buffer, { transfer: [target.buffer] });
      client.write('still here');
      expect(reader.join()).toMatchObject({ code: 'EFAULT', syscall: 'read' });
      expect(server.read()!.toString()).toBe('still here');
      close();
    });
  });
});

describe('readExactly', () => {
  it('waits for all of it and keeps the rest', async () => {
    await receiving(['ab', 'cd', 'efgh'], (socket) => {
      expect(socket.readExactly(3).toString()).toBe('abc');
      expect(socket.readExactly(0).length).toBe(0);
      expect(socket.readExactly(5).toString()).toBe('defgh');
      expect(socket.read()).toBeNull();
    });
  });

  it('takes large pieces with what came before them', async () => {
    const bytes = pattern(500_000);
    await receiving([bytes], (socket) => {
      expect(socket.readExactly(10).equals(bytes.subarray(0, 10))).toBe(true);
      expect(socket.readExactly(400_000).equals(bytes.subarray(10, 400_010))).toBe(true);
      expect(readAll(socket).equals(bytes.subarray(400_010))).toBe(true);
    });
  });

  it.each([[8], [100_000]])('at an early end of %d bytes throws and keeps what came', async (n) => {
    await receiving(['abc', 'def'], (socket) => {
      const error = thrown(() => socket.readExactly(n));
      expect(error).toBeInstanceOf(EndOfStreamError);
      expect(error).toMatchObject({ name: 'EndOfStreamError', code: 'ERR_END_OF_STREAM' });
      expect(error.message).toContain(`6 of ${n}`);
      expect(readAll(socket).toString()).toBe('abcdef');
    });
  });

  it('keeps what came when its coroutine is cancelled', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('abcdef');
      const reader = failing(() => server.readExactly(100_000));
      sleep(1);
      reader.cancel();
      expect(reader.join().code).toBe('ERR_CANCELLED');
      client.write('ghi');
      expect(server.readExactly(9).toString()).toBe('abcdefghi');
      close();
    });
  });
});

describe('readLine', () => {
  it('ends at line feeds, with or without carriage returns, wherever the pieces are cut', async () => {
    await receiving(['one\r\ntw', 'o\n\n\r', '\nfo\rur\r\nlä', 'st'], (socket) => {
      const lines: string[] = [];
      for (let line; (line = socket.readLine()) !== null;) lines.push(line);
      expect(lines).toEqual(['one', 'two', '', '', 'fo\rur', 'läst']);
      expect(socket.readLine()).toBeNull();
    });
  });

  it('leaves the rest to the other ways of reading', async () => {
    await receiving(['head\nbody and more'], (socket) => {
      expect(socket.readLine()).toBe('head');
      expect(socket.readExactly(4).toString()).toBe('body');
      expect(socket.read(4)!.toString()).toBe(' and');
      const target = new Uint8Array(2);
      expect(socket.readInto(target)).toBe(2);
      expect(Buffer.from(target).toString()).toBe(' m');
      expect(readAll(socket).toString()).toBe('ore');
    });
  });

  it('does not look further than its limit', async () => {
    await receiving(['x'.repeat(70_000) + '\nafter\n'], (socket) => {
      const error = thrown(() => socket.readLine());
      expect(error).toBeInstanceOf(ReadLimitError);
      expect(error.code).toBe('ERR_READ_LIMIT');
      expect(thrown(() => socket.readLine({ limit: 70_000 })).code).toBe('ERR_READ_LIMIT');
      expect(socket.readLine({ limit: 70_001 })).toBe('x'.repeat(70_000));
      expect(socket.readLine()).toBe('after');
    });
  });
});

describe('readUntil', () => {
  it('gives the bytes with the delimiter: text, bytes or one byte', async () => {
    await receiving(['a: b\r\nc: d\r', '\n\r', '\nbody;mo', 're;', 'rest'], (socket) => {
      expect(socket.readUntil('\r\n\r\n')!.toString()).toBe('a: b\r\nc: d\r\n\r\n');
      expect(socket.readUntil(';')!.toString()).toBe('body;');
      expect(socket.readUntil(Uint8Array.of(59))!.toString()).toBe('more;');
      expect(socket.readUntil(59)!.toString()).toBe('rest');
      expect(socket.readUntil(59)).toBeNull();
    });
  });

  it('finds delimiters that look like their own beginning', async () => {
    await receiving(['aaa', 'ab', 'aab'], (socket) => {
      expect(socket.readUntil('aab')!.toString()).toBe('aaaab');
      expect(socket.readUntil('aab')!.toString()).toBe('aab');
    });
  });

  it('takes many small pieces up to a large limit', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const reader = spawn(() => server.readUntil('END', { limit: 1e6 }));
      const wanted = Buffer.concat([pattern(50_000).fill(1), Buffer.from('END')]);
      for (let i = 0; i < wanted.length; i += 101) {
        client.write(wanted.subarray(i, i + 101));
        if (i % 13 === 0) sleep(0);
      }
      expect(reader.join()!.equals(wanted)).toBe(true);
      close();
    });
  });

  it('checks its arguments', async () => {
    await receiving([], (socket) => {
      for (const bad of ['', new Uint8Array(0)]) {
        expect(thrown(() => socket.readUntil(bad)).code).toBe('ERR_INVALID_ARG_VALUE');
      }
      expect(thrown(() => socket.readUntil(256)).code).toBe('ERR_OUT_OF_RANGE');
      expect(thrown(() => socket.readUntil({} as any)).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(thrown(() => socket.readUntil('x', { limit: 0 })).code).toBe('ERR_OUT_OF_RANGE');
    });
  });

  it('is right when coroutines take turns on one socket', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const words: string[] = [];
      const readers = Array.from({ length: 5 }, () =>
        spawn(() => {
          for (let word; (word = server.readUntil(' ')) !== null;) words.push(word.toString());
        }),
      );
      for (let i = 0; i < 500; i++) {
        client.write(`${i} `);
        if (i % 20 === 0) sleep(0);
      }
      client.end();
      for (const reader of readers) reader.join();
      expect(words.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
      close();
    });
  });
});

it('refuses to read outside a coroutine', async () => {
  const { client, server } = await spawn(pair);
  expect(thrown(() => server.read())).toBeInstanceOf(NotInCoroutineError);
  expect(thrown(() => server.read()).message).toContain('socket.read');
  expect(
    thrown(() => {
      server.write('x');
    }).code,
  ).toBe('ERR_NOT_IN_COROUTINE');
  client.close();
  server.close();
});

it('keeps a socket that only a parked coroutine knows', async () => {
  await spawn(() => {
    const clients: Socket[] = [];
    const readers = Array.from({ length: 20 }, () => {
      const { client, server } = pair();
      clients.push(client);
      return spawn(() => server.readLine());
    });
    for (let i = 0; i < 5; i++) {
      gc();
      void Array.from({ length: 20_000 }, () => ({ i }));
      wait(new Promise((resolve) => setImmediate(resolve)));
    }
    for (const client of clients) client.write('here\n');
    for (const reader of readers) expect(reader.join()).toBe('here');
    for (const client of clients) client.close();
  });
});
