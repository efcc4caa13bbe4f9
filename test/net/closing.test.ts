import { describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { connect, SocketClosedError, type Socket } from 'stackful/net';

import { failing, nodeServer, pair, thrown } from './peers.js';

describe('a closed socket', () => {
  it('wakes every coroutine that reads from it', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const readers = [
        failing(() => server.read()),
        failing(() => server.readInto(new Uint8Array(5))),
        failing(() => server.readExactly(5)),
        failing(() => server.readExactly(50_000)),
        failing(() => server.readLine()),
        failing(() => server.readUntil('x')),
        failing(() => [...server]),
      ];
      // A sleeper goes before those that are ready.
      while (!readers.every((reader) => reader.state === 'parked')) sleep(1);
      expect(readers[0]!.parkedOn).toMatch(/^socket\.read fd=\d+ 127\.0\.0\.1:\d+$/);
      server.close();
      for (const reader of readers) {
        const error = reader.join();
        expect(error).toBeInstanceOf(SocketClosedError);
        expect(error).toMatchObject({ name: 'SocketClosedError', code: 'ERR_SOCKET_CLOSED' });
      }
      expect(client.read()).toBeNull();
      close();
    });
  });

  it('can be closed by the main stack', async () => {
    let socket: Socket | undefined;
    const reader = spawn(() => {
      const { server } = pair();
      socket = server;
      return thrown(() => server.read()).code;
    });
    while (!socket) await new Promise((resolve) => setImmediate(resolve));
    socket.close();
    socket.close();
    expect(await reader).toBe('ERR_SOCKET_CLOSED');
  });

  it('refuses everything afterwards, what it still held included', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('one\ntwo\nthree');
      expect(server.readLine()).toBe('one');
      expect(server.closed).toBe(false);
      server.close();
      expect(server.closed).toBe(true);
      const calls: (() => unknown)[] = [
        () => server.read(),
        () => server.readInto(new Uint8Array(1)),
        () => server.readExactly(1),
        () => server.readExactly(0),
        () => server.readLine(),
        () => server.readUntil('\n'),
        () => [...server],
        () => {
          server.write('x');
        },
        () => {
          server.writev(['x']);
        },
        () => server.sendFile(0, 0, 1),
        () => {
          server.flush();
        },
        () => server.cork(() => undefined),
        () => {
          server.sendDescriptors([0]);
        },
        () => server.receiveDescriptors(),
        () => server.getOptions(),
        () => {
          server.end();
        },
      ];
      for (const call of calls) expect(thrown(call).code).toBe('ERR_SOCKET_CLOSED');
      close();
    });
  });

  it('is what a peer that resets it is not', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => {
        socket.once('data', () => socket.resetAndDestroy());
      });
      using socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.write('x');
      expect(thrown(() => socket.read())).toMatchObject({
        message: 'read ECONNRESET',
        code: 'ECONNRESET',
        errno: -104,
        syscall: 'read',
      });
    });
  });
});
