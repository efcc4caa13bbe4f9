import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, wait } from 'stackful';
import { connect, SocketBrokenError } from 'stackful/net';

import { untilParked } from '../support/parked.js';
import {
  failing,
  nodeReadAll,
  nodeServer,
  pair,
  pattern,
  readAll,
  sent,
  thrown,
} from './peers.js';

describe('write', () => {
  const texts = {
    empty: '',
    ascii: 'plain',
    'ascii, long': 'plain '.repeat(1000),
    'latin 1': 'grüße',
    'latin 1, long': 'grüße '.repeat(1000),
    'beyond latin 1': 'čeština 漢字 🎉',
    'beyond latin 1, long': 'čeština 漢字 🎉 '.repeat(5000),
    'half a surrogate pair': 'a\ud83cb',
    rope: ['a', 'b', 'é'].reduce((rope, part) => rope + part.repeat(50), ''),
  };
  it.each(Object.entries(texts))('sends text as UTF-8: %s', async (_, text) => {
    expect(
      (
        await sent((socket) => {
          socket.write(text);
        })
      ).equals(Buffer.from(text)),
    ).toBe(true);
  });

  it('sends text of every length around the size of its small buffer', async () => {
    const expected: Buffer[] = [];
    const received = await sent((socket) => {
      for (let n = 320; n < 345; n++) {
        for (const text of ['x'.repeat(3 * n), 'é'.repeat(n + 160), '漢'.repeat(n)]) {
          expected.push(Buffer.from(text));
          socket.write(text);
        }
      }
    });
    expect(received.equals(Buffer.concat(expected))).toBe(true);
  });

  it('sends bytes of any Uint8Array', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(3);
    const received = await sent((socket) => {
      socket.write(Buffer.from('ab'));
      socket.write(new Uint8Array([1, 2]));
      socket.write(new Uint8Array([9, 9, 5, 9]).subarray(2, 3));
      socket.write(shared);
      socket.write(new Uint8Array(0));
    });
    expect([...received]).toEqual([97, 98, 1, 2, 5, 3, 3, 3, 3, 3, 3, 3, 3]);
  });

  it('refuses anything else', async () => {
    await spawn(() => {
      const { client, close } = pair();
      for (const bad of [undefined, null, 1, {}, [], new ArrayBuffer(1), new Uint16Array(1)]) {
        expect(
          thrown(() => {
            client.write(bad as any);
          }).code,
        ).toBe('ERR_INVALID_ARG_TYPE');
      }
      expect(
        thrown(() => {
          client.writev('ab' as any);
        }).code,
      ).toBe('ERR_INVALID_ARG_TYPE');
      expect(
        thrown(() => {
          client.writev(['a', 1 as any]);
        }).code,
      ).toBe('ERR_INVALID_ARG_TYPE');
      close();
    });
  });

  it('waits for a slow reader and loses nothing', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const bytes = pattern(8_000_000);
      let done = false;
      const writer = spawn(() => {
        client.write(bytes);
        done = true;
        client.write('x'.repeat(3_000_000));
        client.end();
      });
      untilParked(writer);
      expect(done).toBe(false);
      expect(writer.parkedOn).toMatch(/^socket\.write fd=/);
      const chunks: Buffer[] = [];
      for (const chunk of server) {
        chunks.push(chunk);
        if (chunks.length % 50 === 0) sleep(0.2);
      }
      const all = Buffer.concat(chunks);
      expect(all.subarray(0, bytes.length).equals(bytes)).toBe(true);
      expect(all.subarray(bytes.length).equals(Buffer.alloc(3_000_000, 'x'))).toBe(true);
      close();
    });
  });

  it('sends the bytes there were although their memory is transferred while it waits', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const bytes = new Uint8Array(6_000_000).fill(7);
      const writer = spawn(() => {
        client.write(bytes);
        client.end();
      });
      sleep(1);
      const moved = structuredClone(bytes, { transfer: [bytes.buffer] });
      expect(bytes.length).toBe(0);
      expect(readAll(server).equals(Buffer.from(moved.buffer))).toBe(true);
      writer.join();
      close();
    });
  });

  it('of several coroutines never lands in the middle of another', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const writers = Array.from({ length: 8 }, (_, i) =>
        spawn(() => {
          for (let k = 0; k < 5; k++) {
            if (k % 2) client.writev(['<', Buffer.alloc(299_998, 65 + i), '>']);
            else client.write(`<${String.fromCharCode(65 + i).repeat(299_998)}>`);
          }
        }),
      );
      const reader = spawn(() => readAll(server).toString('latin1'));
      for (const writer of writers) writer.join();
      client.end();
      const messages = reader.join().split(/(?<=>)/);
      expect(messages.length).toBe(40);
      for (const message of messages) {
        expect(message.length).toBe(300_000);
        expect(message).toMatch(/^<([A-H])\1*>$/);
      }
      close();
    });
  });

  it('to a peer that is gone fails as in Node', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => {
        // Not before: it is in this thread too, and its turn may come before ours to see that the connection is there.
        socket.once('data', () => socket.resetAndDestroy());
      });
      using socket = connect({ port: server.port, host: '127.0.0.1' });
      const error = thrown(() => {
        for (;;) {
          socket.write('x'.repeat(1000));
          sleep(1);
        }
      });
      expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
      expect(error).toMatchObject({ syscall: 'write', message: `write ${error.code}` });
    });
  });

  it('that was given up in the middle breaks the socket', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const writer = failing(() => {
        client.write(Buffer.alloc(20_000_000));
      });
      const waiting = failing(() => {
        client.write('behind');
      });
      sleep(1);
      writer.cancel('enough');
      expect(writer.join()).toMatchObject({ code: 'ERR_CANCELLED', reason: 'enough' });
      expect(waiting.join()).toBeInstanceOf(SocketBrokenError);
      expect(
        thrown(() => {
          client.write('x');
        }),
      ).toMatchObject({ name: 'SocketBrokenError', code: 'ERR_SOCKET_BROKEN' });
      expect(
        thrown(() => {
          client.writev(['x']);
        }).code,
      ).toBe('ERR_SOCKET_BROKEN');
      // Reading goes on.
      server.write('answer');
      expect(client.read()!.toString()).toBe('answer');
      close();
    });
  });

  it('that is given up before its first byte breaks nothing', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const first = spawn(() => {
        client.write(Buffer.alloc(6_000_000));
      });
      const second = failing(() => {
        client.write('never');
      });
      sleep(1);
      second.cancel();
      expect(second.join().code).toBe('ERR_CANCELLED');
      const reader = spawn(() => readAll(server).length);
      first.join();
      client.write('after');
      client.end();
      expect(reader.join()).toBe(6_000_005);
      close();
    });
  });

  it('ends when the socket is closed meanwhile', async () => {
    await spawn(() => {
      const { client, close } = pair();
      const writers = [
        failing(() => {
          client.write(Buffer.alloc(20_000_000));
        }),
        failing(() => {
          client.write('x'.repeat(20_000_000));
        }),
        failing(() => {
          client.writev(['x', Buffer.alloc(10)]);
        }),
      ];
      sleep(1);
      client.close();
      for (const writer of writers) expect(writer.join().code).toBe('ERR_SOCKET_CLOSED');
      close();
    });
  });
});

describe('writev', () => {
  it('sends strings and bytes in one piece, any number of them', async () => {
    const parts = Array.from({ length: 3000 }, (_, i) => (i % 3 ? `${i}ü` : pattern(i)));
    const received = await sent((socket) => {
      socket.writev(parts);
      socket.writev([]);
      socket.writev(['', new Uint8Array(0)]);
    });
    expect(received.equals(Buffer.concat(parts.map((part) => Buffer.from(part as string))))).toBe(true);
  });

  it('waits for a slow reader', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const parts = Array.from({ length: 200 }, (_, i) => (i % 2 ? 'é'.repeat(20_000) : pattern(30_000)));
      const writer = spawn(() => {
        client.writev(parts);
        client.end();
      });
      untilParked(writer);
      const expected = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
      expect(readAll(server).equals(expected)).toBe(true);
      close();
    });
  });
});

describe('end', () => {
  it('ends one direction only', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => {
        void nodeReadAll(socket).then((all) => socket.end(`got ${all.toString()}`));
      });
      using socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.write('question');
      socket.end();
      socket.end();
      expect(readAll(socket).toString()).toBe('got question');
      expect(
        thrown(() => {
          socket.write('more');
        }).code,
      ).toBe('EPIPE');
    });
  });

  it('comes after what other coroutines are writing', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const writer = spawn(() => {
        client.write(Buffer.alloc(6_000_000));
      });
      const ender = spawn(() => {
        client.end();
      });
      untilParked(ender);
      expect(readAll(server).length).toBe(6_000_000);
      writer.join();
      ender.join();
      close();
    });
  });

  it('does not mind a peer that is gone', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => {
        setTimeout(() => socket.resetAndDestroy(), 1);
      });
      using socket = connect({ port: server.port, host: '127.0.0.1' });
      wait(once(process, 'never', { signal: AbortSignal.timeout(20) }).catch(() => undefined));
      socket.end();
      expect(thrown(() => socket.read()).code).toBe('ECONNRESET');
    });
  });
});
