import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { select, sleep, spawn, timeout, wait } from 'stackful';
import { open } from 'stackful/fs';
import { readable, type Socket } from 'stackful/net';

import { runChild } from '../support/child.js';
import { nodeClient, nodeReadAll, pair, pattern, readAll, serve, thrown } from './peers.js';

/** Answers every line. */
function answering(answer: (socket: Socket, line: string) => void) {
  return serve((socket) => {
    for (let line = socket.readLine(); line !== null; line = socket.readLine()) answer(socket, line);
  });
}


describe('writes while requests wait', () => {
  it('go out together, in order, and the last one with them', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('1\n2\n3\n');
      expect(server.readLine()).toBe('1');
      server.write('one ');
      expect(server.buffered).toBe(4);
      expect(server.readLine()).toBe('2');
      server.write(Buffer.from('two '));
      expect(server.buffered).toBe(8);
      expect(server.readLine()).toBe('3');
      server.write('three');
      expect(server.buffered).toBe(0);
      expect(String(client.read())).toBe('one two three');
      close();
    });
  });

  it('do not wait for another request', async () => {
    await spawn(() => {
      using listener = answering((socket, line) => { socket.write(`${line}!`); });
      const client = nodeClient({ port: listener.address.port, host: '127.0.0.1' });
      client.write('one\nbegun');
      expect(String(wait(once(client, 'data'))[0])).toBe('one!');
      client.write(' ended\n');
      expect(String(wait(once(client, 'data'))[0])).toBe('begun ended!');
      client.destroy();
    });
  });

  it('do not wait for a coroutine that waits for something else', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('1\n2\n');
      server.readLine();
      server.write('put off');
      expect(server.buffered).toBe(7);
      sleep(1);
      expect(server.buffered).toBe(0);
      expect(select({ data: readable(client) }).key).toBe('data');
      expect(String(client.read())).toBe('put off');
      close();
    });
  });

  it.each(['writev', 'sendFile', 'large write', 'end', 'flush', 'close'] as const)('come before a %s', async (call) => {
    await spawn(() => {
      const { client, server, close } = pair();
      const reading = spawn(() => readAll(client));
      client.write('1\n2\n');
      server.readLine();
      server.write('first,');
      const large = 'x'.repeat(100_000);
      if (call === 'writev') server.writev(['then', ' more']);
      if (call === 'large write') server.write(large);
      if (call === 'end') server.end();
      if (call === 'flush') server.flush();
      if (call === 'sendFile') {
        using file = open(process.execPath);
        expect(server.sendFile(file, 1, 3)).toBe(3);
      }
      expect(server.buffered).toBe(call === 'close' ? 6 : 0);
      server.close();
      const expected = { writev: 'first,then more', 'large write': `first,${large}`, sendFile: 'first,ELF' }[call as string] ?? 'first,';
      expect(String(reading.join())).toBe(expected);
      close();
    });
  });

  it('are as many as there are, of all lengths', async () => {
    await spawn(() => {
      using listener = answering((socket, line) => { socket.write(`${line.repeat(Number(line) % 7)}\n`); });
      const client = nodeClient({ port: listener.address.port, host: '127.0.0.1' });
      const received = nodeReadAll(client);
      let expected = '';
      let requests = '';
      for (let i = 0; i < 20_000; i++) {
        requests += `${i}\n`;
        expected += `${String(i).repeat(i % 7)}\n`;
      }
      client.end(requests);
      expect(String(wait(received)) === expected).toBe(true);
    });
  });

  it('that the system does not take now are sent when it does, also behind close', async () => {
    await spawn(() => {
      const { client, server } = pair();
      client.write('1\n2\n');
      server.readLine();
      // Full: what is written now cannot be sent at the end of the turn.
      const sent = (() => {
        const whole = pattern(8 << 20);
        const writing = spawn(() => { server.write(whole); });
        sleep(20);
        expect(writing.state).toBe('parked');
        const got = client.readExactly(whole.length);
        writing.join();
        return got.equals(whole);
      })();
      expect(sent).toBe(true);
      const filled = fillWithoutLoss(server);
      const before = server.buffered;
      server.write('last words');
      expect(server.buffered).toBe(before + 10);
      // Before the system, which makes its buffers larger as time goes by, can take more.
      server.close();
      expect(server.closed).toBe(true);
      const rest = readAll(client);
      expect(rest.length).toBe(filled + 10);
      expect(String(rest.subarray(-10))).toBe('last words');
      client.close();
    });
  });

  it('that cannot be sent fail the next call', async () => {
    await spawn(() => {
      for (const call of ['write', 'read'] as const) {
        const { client, server } = pair();
        client.write('1\n2\n');
        server.readLine();
        // What the client has not read makes its close a reset.
        server.write('unread');
        server.flush();
        sleep(1);
        client.close();
        sleep(5);
        server.write('for nobody');
        expect(server.buffered).toBe(10);
        sleep(1);
        const error = thrown(() => {
          server.readLine();
          if (call === 'write') server.write('x');
          else server.readExactly(5);
        });
        expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
        expect(error.syscall).toBe('write');
        server.close();
      }
    });
  });

  it('are undone when they are interrupted before a byte is out', async () => {
    await spawn(() => {
      const { client, server } = pair();
      client.write('1\n2\n');
      server.readLine();
      const filled = fillWithoutLoss(server);
      server.write('kept,');
      server.readLine();
      // Nothing is put off any more: this one waits, behind what was.
      const error = thrown(() => timeout(20, () => { server.write('withdrawn'); }));
      expect(error.code).toBe('ERR_TIMEOUT');
      const reading = spawn(() => readAll(client));
      server.write('and sent');
      server.end();
      const all = reading.join();
      expect(String(all.subarray(filled))).toBe('kept,and sent');
      server.close();
      client.close();
    });
  });
});

/** Fills the connection with whole writes of one byte each at the end, so that none is interrupted in the middle. */
function fillWithoutLoss(socket: Socket): number {
  let sent = 0;
  // Put off, and so taken by parts without being an interrupted write.
  for (;;) {
    socket.write(Buffer.alloc(8 * 1024, 'f'));
    sent += 8 * 1024;
    sleep(0);
    if (socket.buffered > 0) {
      sleep(5);
      if (socket.buffered > 0) break;
    }
  }
  return sent;
}

it('several coroutines write whole messages, each in its order, whatever is put off', async () => {
  await spawn(() => {
    const { client, server, close } = pair();
    client.write('1\n2\n');
    server.readLine();
    let seed = 7;
    const random = (limit: number) => (seed = (seed * 48_271) % 2_147_483_647) % limit;
    const writers = [0, 1, 2, 3, 4].map((w) => spawn(() => {
      for (let i = 0; i < 300; i++) {
        const size = random(10) === 0 ? random(60_000) : random(300);
        server.write(`${w}:${i}:${String(w).repeat(size)}\n`);
        if (random(4) === 0) sleep(random(2));
        if (random(20) === 0) server.flush();
        if (random(20) === 0) server.cork(() => { server.writev([`${w}:corked:`, `${w}\n`]); });
      }
    }));
    const reading = spawn(() => {
      const next = [0, 0, 0, 0, 0];
      for (let line = client.readLine(); line !== null; line = client.readLine()) {
        const [w, i, payload] = line.split(':') as [string, string, string];
        if (!new RegExp(`^${w}*$`).test(payload)) throw new Error(`mixed: ${line.slice(0, 100)}`);
        if (i !== 'corked') expect(Number(i)).toBe(next[Number(w)]!++);
      }
      return next;
    });
    for (const one of writers) one.join();
    server.end();
    expect(reading.join()).toEqual([300, 300, 300, 300, 300]);
    close();
  });
});

describe('cork', () => {
  it('sends at its end what was written inside, and returns the result', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const result = server.cork(() => {
        server.write('a');
        server.cork(() => { server.write('b'); });
        expect(server.buffered).toBe(2);
        return 'result';
      });
      expect(result).toBe('result');
      expect(server.buffered).toBe(0);
      expect(String(client.read())).toBe('ab');
      close();
    });
  });

  it('sends it also when its function throws or waits', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      expect(thrown(() => server.cork(() => {
        server.write('before ');
        throw new Error('of its own');
      })).message).toBe('of its own');
      expect(String(client.readExactly(7))).toBe('before ');
      server.cork(() => {
        server.write('question');
        client.write('answer');
        // No deadlock: what is written does not wait for the end of the function.
        expect(String(client.readExactly(8))).toBe('question');
        expect(String(server.readExactly(6))).toBe('answer');
      });
      close();
    });
  });

  it('refuses what is no function, and a closed socket', async () => {
    await spawn(() => {
      const { server, close } = pair();
      expect(thrown(() => server.cork(1 as never)).code).toBe('ERR_INVALID_ARG_TYPE');
      close();
      expect(thrown(() => server.cork(() => undefined)).code).toBe('ERR_SOCKET_CLOSED');
      expect(thrown(() => { server.flush(); }).code).toBe('ERR_SOCKET_CLOSED');
      expect(server.buffered).toBe(0);
    });
  });
});

it.each(['exit', 'return', 'worker', 'full', 'open', 'outside'])('what was put off is not lost at the end of the program: %s', async (how) => {
  const result = await runChild('net_last_words.mjs', [how]);
  expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'last words\n' });
});
