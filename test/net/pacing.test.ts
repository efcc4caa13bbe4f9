import { describe, expect, it } from 'vitest';

import { Pacer, sleep, SocketBrokenError, spawn, timeout, TimeoutError } from 'stackful';
import { connect, listen, type Socket } from 'stackful/net';

function between(body: (socket: Socket, peer: Socket) => void): Promise<void> {
  return spawn(() => {
    using listener = listen({ host: '127.0.0.1', port: 0 });
    using socket = connect({ host: '127.0.0.1', port: listener.address.port });
    using peer = listener.accept();
    body(socket, peer);
  }).promise;
}

describe('socket.pacedWrite', () => {
  it('sends everything in chunks, none before its time', async () => {
    await between((socket, peer) => {
      const data = Buffer.from(Array.from({ length: 100_001 }, (_, i) => i));
      const reader = spawn(() => peer.readExactly(data.length));
      const began = performance.now();
      socket.pacedWrite(data, new Pacer(10_000), { chunk: 1000 });
      expect(performance.now() - began).toBeGreaterThanOrEqual(10);
      expect(reader.join().equals(data)).toBe(true);
      socket.pacedWrite('äöü', new Pacer(10_000), { chunk: 1 });
      expect(String(peer.readExactly(6))).toBe('äöü');
      socket.pacedWrite('', new Pacer(10_000));
    });
  });

  it('sends chunks one by one, though requests wait to be read', async () => {
    await between((socket, peer) => {
      peer.write('one\ntwo\nthree\n');
      socket.readLine();
      const sender = spawn(() => { socket.pacedWrite('ab', new Pacer(1), { chunk: 1 }); });
      expect(String(peer.read())).toBe('a');
      sender.cancel();
    });
  });

  it('that ends between two chunks leaves the socket broken, and before the first one whole', async () => {
    await between((socket, peer) => {
      const pacer = new Pacer(1);
      pacer.wait();
      expect(() => { timeout(5, () => { socket.pacedWrite('abc', pacer, { chunk: 1 }); }); }).toThrow(TimeoutError);
      socket.write('whole');
      expect(String(peer.readExactly(5))).toBe('whole');
      expect(() => { timeout(5, () => { socket.pacedWrite('abc', new Pacer(1), { chunk: 1 }); }); }).toThrow(TimeoutError);
      expect(() => { socket.write('more'); }).toThrow(SocketBrokenError);
      sleep(1);
    });
  });

  it('checks its arguments', async () => {
    await between((socket) => {
      const pacer = new Pacer(10);
      expect(() => { socket.pacedWrite('a', {} as never); }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(() => { socket.pacedWrite(5 as never, pacer); }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(() => { socket.pacedWrite('a', pacer, { chunk: 0 }); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
      expect(() => { socket.pacedWrite('a', pacer, { size: 1 } as never); }).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
      const error = new Error('stop');
      expect(() => { socket.pacedWrite('abc', pacer, { signal: AbortSignal.abort(error) }); }).toThrow(error);
    });
  });
});
