import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, timeout } from 'stackful';
import { connect, listen, pipe, type Socket } from 'stackful/net';

import { runChild } from '../support/child.js';
import { untilParked } from '../support/parked.js';
import { failing, pair, pattern, readAll, temporaryDirectory, thrown } from './peers.js';

/** Two connections, and what joins them: a -> from, to -> b. */
function joined() {
  const one = pair();
  const two = pair();
  return { a: one.client, from: one.server, to: two.client, b: two.server, close: () => { one.close(); two.close(); } };
}

describe('pipe', () => {
  it('passes everything on, and the end of the stream', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      const data = pattern(9_000_000);
      const piping = spawn(() => pipe(from, to));
      spawn(() => {
        for (let at = 0; at < data.length; at += 100_000) a.write(data.subarray(at, at + 100_000));
        a.end();
      });
      expect(readAll(b).equals(data)).toBe(true);
      expect(piping.join()).toBe(data.length);
      // The other direction is still open.
      b.write('back');
      expect(String(to.read())).toBe('back');
      close();
    });
  });

  it('begins with what was received already, and ends at a limit', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      a.write('line\nabcdefgh');
      expect(from.readLine()).toBe('line');
      expect(pipe(from, to, { limit: 3 })).toBe(3);
      a.write('ijk');
      expect(pipe(from, to, { limit: 7 })).toBe(7);
      expect(pipe(from, to, { limit: 0 })).toBe(0);
      expect(String(b.readExactly(10))).toBe('abcdefghij');
      expect(String(from.read())).toBe('k');
      a.end();
      expect(pipe(from, to, { end: false })).toBe(0);
      to.write('not ended');
      expect(String(b.read())).toBe('not ended');
      close();
    });
  });

  it('goes behind what was written before, and passes Unix sockets on, too', async () => {
    await spawn(() => {
      const path = `${temporaryDirectory()}/s`;
      const listener = listen({ path });
      const client = connect({ path });
      const server = listener.accept();
      listener.close();
      const tcp = pair();
      const data = pattern(500_000);
      const piping = spawn(() => tcp.server.cork(() => {
        tcp.server.write('head,');
        return pipe(client, tcp.server);
      }));
      spawn(() => {
        server.write(data);
        server.end();
      });
      const got = readAll(tcp.client);
      expect(String(got.subarray(0, 5))).toBe('head,');
      expect(got.subarray(5).equals(data)).toBe(true);
      expect(piping.join()).toBe(data.length);
      tcp.server.close();
      tcp.client.close();
      server.close();
      client.close();
    });
  });

  it('interrupted while it waits for bytes, loses none', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      const piping = spawn(() => thrown(() => pipe(from, to)));
      untilParked(piping);
      expect(piping.parkedOn).toMatch(/^socket\.pipe fd=\d+ 127\.0\.0\.1/);
      piping.cancel();
      expect(piping.join()).toMatchObject({ code: 'ERR_CANCELLED', bytesPiped: 0 });
      a.write('later');
      a.end();
      expect(pipe(from, to)).toBe(5);
      expect(String(b.read())).toBe('later');
      close();
    });
  });

  it('interrupted with bytes on the way, marks the second as broken, and says how many it has got', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      const writing = failing(() => { a.write(pattern(64 << 20)); });
      const controller = new AbortController();
      const piping = failing(() => pipe(from, to, { signal: controller.signal }));
      while (!piping.parkedOn?.startsWith('socket.write')) sleep(5);
      controller.abort(new Error('enough'));
      const error = piping.join();
      expect(error.message).toBe('enough');
      expect(thrown(() => { to.write('x'); }).code).toBe('ERR_SOCKET_BROKEN');
      to.end();
      expect(readAll(b).length).toBe(error.bytesPiped);
      close();
      writing.join();
    });
  });

  it('fails with the errors of both sides', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      a.write('x');
      b.close();
      sleep(5);
      to.write('makes the peer reset it');
      sleep(5);
      const error = thrown(() => pipe(from, to));
      expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
      expect(error.syscall).toBe('write');
      to.close();
      expect(thrown(() => pipe(from, to))).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
      from.close();
      expect(thrown(() => pipe(from, to))).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
      close();
    });
  });

  it('leaves what the second does not take with the first', async () => {
    await spawn(() => {
      const { a, from, to, b, close } = joined();
      a.write('line\nnot lost');
      expect(from.readLine()).toBe('line');
      to.write('unread, so that the close of the peer is a reset');
      while (b.read(1) === null) sleep(1);
      b.close();
      const error = thrown(() => {
        for (;;) {
          to.write('x');
          sleep(1);
        }
      });
      expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
      expect(thrown(() => pipe(from, to))).toMatchObject({ code: 'EPIPE', bytesPiped: 0 });
      expect(String(timeout(5000, () => from.readExactly(8)))).toBe('not lost');
      close();
    });
  });

  it('ends the first, too, with its peer, where that may not stay half open', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, allowHalfOpen: false });
      using a = connect({ host: '127.0.0.1', port: listener.address.port });
      using from = listener.accept();
      const { client: to, server: b, close } = pair();
      a.write('all of it');
      a.end();
      expect(pipe(from, to)).toBe(9);
      expect(String(b.readExactly(9))).toBe('all of it');
      expect(timeout(5000, () => a.read())).toBeNull();
      close();
    });
  });

  it('ends when either socket is closed', async () => {
    await spawn(() => {
      for (const which of ['from', 'to'] as const) {
        const all = joined();
        const piping = failing(() => pipe(all.from, all.to));
        sleep(1);
        all[which].close();
        if (which === 'to') all.a.write('x');
        expect(piping.join().code).toBe('ERR_SOCKET_CLOSED');
        all.close();
      }
    });
  });

  it('refuses what are no sockets, wrong options, and the main stack', async () => {
    let socket: Socket | undefined;
    await spawn(() => {
      const { from, to, close } = joined();
      const code = (fn: () => unknown) => thrown(fn).code;
      expect(code(() => pipe(1 as never, to))).toBe('ERR_INVALID_ARG_TYPE');
      expect(code(() => pipe(from, {} as never))).toBe('ERR_INVALID_ARG_TYPE');
      expect(code(() => pipe(from, to, { end: 1 as never }))).toBe('ERR_INVALID_ARG_TYPE');
      expect(code(() => pipe(from, to, { limit: -1 }))).toBe('ERR_OUT_OF_RANGE');
      expect(code(() => pipe(from, to, { ends: true } as never))).toBe('ERR_UNKNOWN_OPTION');
      socket = from;
      setTimeout(close, 50);
    });
    expect(() => pipe(socket!, socket!)).toThrow(NotInCoroutineError);
  });

  it('leaves no descriptor behind after a thousand connections', async () => {
    const result = await runChild('net_pipe.mjs');
    expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});
