import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, wait } from 'stackful';
import { connect, listen, Listener, Socket, SocketClosedError } from 'stackful/net';

import { untilParked } from '../support/parked.js';
import {
  failing,
  nodeClient,
  nodeReadAll,
  nodeServer,
  pair,
  pattern,
  readAll,
  serve,
  temporaryDirectory,
  thrown,
} from './peers.js';

/** The error node:net gives for the same. */
function nodeError(to: net.NetConnectOpts): NodeJS.ErrnoException {
  return wait(once(net.connect(to), 'error'))[0] as NodeJS.ErrnoException;
}

function common({ code, errno, syscall, address, port, message }: any) {
  return { code, errno, syscall, address, port, message };
}

/** A port without a listener. */
function unusedPort(): number {
  using listener = listen({ port: 0, host: '127.0.0.1' });
  return listener.address.port;
}

describe('listen', () => {
  it('serves clients of node:net', async () => {
    await spawn(() => {
      using listener = serve((socket) => {
        for (const chunk of socket) socket.write(chunk);
        socket.end();
      });
      const client = nodeClient({ port: listener.address.port, host: '127.0.0.1' });
      const answer = nodeReadAll(client);
      const bytes = pattern(2_000_000);
      client.end(bytes);
      expect(wait(answer).equals(bytes)).toBe(true);
      client.destroy();
    });
  });

  it('knows its address', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      expect(listener.address).toEqual({ address: '127.0.0.1', family: 'IPv4', port: expect.any(Number) });
      expect(listener.address.port).toBeGreaterThan(0);
      using again = listen({ port: 0, host: 'localhost' });
      expect(['127.0.0.1', '::1']).toContain(again.address.address);
    });
  });

  it('without a host takes IPv4, and IPv6 where there is any', async () => {
    await spawn(() => {
      using listener = listen({ port: 0 });
      const { port, family } = listener.address;
      const acceptor = spawn(() => [listener.accept(), family === 'IPv6' && listener.accept()]);
      using four = connect({ port, host: '127.0.0.1' });
      expect(four.remoteFamily).toBe('IPv4');
      if (family === 'IPv6') {
        using six = connect({ port, host: '::1' });
        expect(six.remoteAddress).toBe('::1');
        expect(six.remoteFamily).toBe('IPv6');
      }
      for (const socket of acceptor.join()) if (socket) socket.close();
    });
  });

  it('needs no coroutine unless it has to look up a name', () => {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    expect(listener).toBeInstanceOf(Listener);
    expect(() => listener.accept()).toThrow(NotInCoroutineError);
    listener.close();
    expect(() => listen({ port: 0, host: 'localhost' })).toThrow(NotInCoroutineError);
  });

  it('fails as node:net does', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const { port } = listener.address;
      const server = net.createServer().listen(port, '127.0.0.1');
      const expected = wait(once(server, 'error'))[0] as Error;
      expect(common(thrown(() => listen({ port, host: '127.0.0.1' })))).toEqual(common(expected));
      expect(thrown(() => listen({ port: 0, host: '203.0.113.1' }))).toMatchObject({
        code: 'EADDRNOTAVAIL',
        syscall: 'listen',
      });
      expect(thrown(() => listen({ port: 0, host: 'does-not-exist.invalid' })).syscall).toBe('getaddrinfo');
    });
  });

  it('shares a port if told to', async () => {
    await spawn(() => {
      using one = listen({ port: 0, host: '127.0.0.1', reusePort: true });
      using two = listen({ port: one.address.port, host: '127.0.0.1', reusePort: true });
      let accepted = 0;
      for (const listener of [one, two]) {
        spawn(() => {
          for (const socket of listener) {
            accepted++;
            socket.write('x');
            socket.close();
          }
        });
      }
      for (let i = 0; i < 20; i++) {
        using client = connect({ port: one.address.port, host: '127.0.0.1' });
        expect(readAll(client).toString()).toBe('x');
      }
      expect(accepted).toBe(20);
    });
  });

  const wrong: [object | undefined, string][] = [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ port: '80' }, 'ERR_INVALID_ARG_TYPE'],
    [{ port: -1 }, 'ERR_SOCKET_BAD_PORT'],
    [{ port: 65536 }, 'ERR_SOCKET_BAD_PORT'],
    [{ port: 1.5 }, 'ERR_SOCKET_BAD_PORT'],
    [{ port: 1, host: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ port: 1, host: '127.0.0.1\0' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '/a\0b' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: '/a', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ];
  it.each(wrong)('and connect refuse %j', async (options, code) => {
    await spawn(() => {
      expect(thrown(() => listen(options as any)).code).toBe(code);
      expect(thrown(() => connect(options as any)).code).toBe(code);
    });
  });

  it('refuses a bad backlog', () => {
    expect(thrown(() => listen({ port: 0, backlog: -1 })).code).toBe('ERR_OUT_OF_RANGE');
    expect(thrown(() => listen({ port: 0, reusePort: 1 as any })).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('a closed listener', () => {
  it('wakes coroutines that wait for a connection and ends loops', async () => {
    await spawn(() => {
      const listener = listen({ port: 0, host: '127.0.0.1' });
      const acceptor = failing(() => listener.accept());
      const loop = spawn(() => [...listener].length);
      untilParked(acceptor);
      expect(acceptor.parkedOn).toMatch(/^socket\.accept fd=\d+ 127\.0\.0\.1:\d+$/);
      listener.close();
      listener.close();
      expect(acceptor.join()).toBeInstanceOf(SocketClosedError);
      expect(loop.join()).toBe(0);
      expect(listener.closed).toBe(true);
      expect(thrown(() => listener.accept()).code).toBe('ERR_SOCKET_CLOSED');
      expect(listener.address.port).toBeGreaterThan(0);
      expect(thrown(() => connect({ port: listener.address.port, host: '127.0.0.1' })).code).toBe(
        'ECONNREFUSED',
      );
    });
  });

  it('lets accepted connections be', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      client.write('still');
      expect(server.read()!.toString()).toBe('still');
      close();
    });
  });

  it('waits for a connection no longer when its coroutine is cancelled', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const acceptor = failing(() => listener.accept());
      sleep(1);
      acceptor.cancel();
      expect(acceptor.join().code).toBe('ERR_CANCELLED');
      using client = connect({ port: listener.address.port, host: '127.0.0.1' });
      using server = listener.accept();
      server.write('x');
      expect(client.read()!.toString()).toBe('x');
    });
  });
});

describe('connect', () => {
  it('talks to servers of node:net, by number and by name', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => socket.pipe(socket));
      for (const host of ['127.0.0.1', 'localhost', undefined]) {
        using socket = connect({ port: server.port, host });
        socket.write('echo');
        expect(socket.readExactly(4).toString()).toBe('echo');
        expect(socket).toBeInstanceOf(Socket);
      }
    });
  });

  it('knows both addresses', async () => {
    await spawn(() => {
      using server = nodeServer(() => undefined);
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      expect(socket.remoteAddress).toBe('127.0.0.1');
      expect(socket.remotePort).toBe(server.port);
      expect(socket.remoteFamily).toBe('IPv4');
      expect(socket.localAddress).toBe('127.0.0.1');
      expect(socket.localFamily).toBe('IPv4');
      const { localPort } = socket;
      while (server.connections.length === 0) sleep(1);
      expect(localPort).toBe(server.connections[0]!.remotePort);
      socket.close();
      expect(socket.localPort).toBe(localPort);
    });
  });

  it('fails as node:net does', async () => {
    await spawn(() => {
      const to = { port: unusedPort(), host: '127.0.0.1' };
      expect(common(thrown(() => connect(to)))).toEqual(common(nodeError(to)));
      const path = join(temporaryDirectory(), 'nobody');
      expect(common(thrown(() => connect({ path })))).toEqual(common(nodeError({ path })));
      const nowhere = thrown(() => connect({ port: 1, host: 'does-not-exist.invalid' }));
      const expected = nodeError({ port: 1, host: 'does-not-exist.invalid' });
      expect(nowhere).toMatchObject({
        code: expected.code,
        syscall: 'getaddrinfo',
        hostname: 'does-not-exist.invalid',
      });
    });
  });

  it('tries every address of a host', async () => {
    await spawn(() => {
      using four = nodeServer((socket) => socket.end('four'));
      using socket = connect({ port: four.port, host: 'localhost' });
      expect(readAll(socket).toString()).toBe('four');
      const error = thrown(() => connect({ port: unusedPort(), host: 'localhost' }));
      expect(error.code).toBe('ECONNREFUSED');
      if (error instanceof AggregateError) {
        expect(error.errors.length).toBeGreaterThan(1);
        expect(error.errors[0]).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
      }
    });
  });

  it('refuses to work outside a coroutine', () => {
    expect(() => connect({ port: 1, host: '127.0.0.1' })).toThrow(NotInCoroutineError);
    expect(() => connect({ port: 1, host: 'localhost' })).toThrow(NotInCoroutineError);
  });

  it('makes many connections', async () => {
    await spawn(() => {
      using listener = serve((socket) => {
        socket.write(`${socket.readLine()}\n`);
      });
      const { port } = listener.address;
      const clients = Array.from({ length: 400 }, (_, i) =>
        spawn(() => {
          using socket = connect({ port, host: '127.0.0.1' });
          socket.write(`number ${i}\n`);
          return socket.readLine() === `number ${i}`;
        }),
      );
      expect(clients.every((client) => client.join())).toBe(true);
    });
  });

  it('is over at once when its coroutine is cancelled', async () => {
    await spawn(() => {
      // A backlog that is full makes connecting to a Unix socket wait.
      const path = join(temporaryDirectory(), 'full');
      const listener = listen({ path, backlog: 0 });
      const sockets: Socket[] = [];
      const errors: any[] = [];
      const waiting = Array.from({ length: 5 }, () =>
        spawn(() => {
          try {
            sockets.push(connect({ path }));
          } catch (error) {
            errors.push(error);
          }
        }),
      );
      sleep(5);
      const left = waiting.filter((coroutine) => coroutine.state !== 'done');
      expect(left.length).toBeGreaterThan(0);
      // They try again from time to time, so one may just be ready.
      for (const { parkedOn } of left) if (parkedOn) expect(parkedOn).toMatch(/^socket\.connect/);
      for (const coroutine of left) coroutine.cancel();
      for (const coroutine of waiting) coroutine.join();
      expect(errors.map((error) => error.code)).toEqual(left.map(() => 'ERR_CANCELLED'));
      for (const socket of sockets) socket.close();
      listener.close();
    });
  });
});

describe('Unix sockets', () => {
  it('connect us and node:net, both ways', async () => {
    await spawn(() => {
      const directory = temporaryDirectory();
      const ours = join(directory, 'ours');
      const listener = listen({ path: ours });
      expect(listener.address).toEqual({ address: ours, family: 'Unix', port: 0 });
      expect(statSync(ours).isSocket()).toBe(true);
      const acceptor = spawn(() => listener.accept());
      const client = nodeClient({ path: ours });
      const received = nodeReadAll(client);
      using accepted = acceptor.join();
      client.end('ping');
      expect(readAll(accepted).toString()).toBe('ping');
      accepted.write(pattern(1_000_000));
      accepted.end();
      expect(wait(received).equals(pattern(1_000_000))).toBe(true);
      expect(accepted.remoteAddress).toBeUndefined();
      expect(accepted.remotePort).toBeUndefined();
      client.destroy();
      listener.close();
      expect(existsSync(ours)).toBe(false);

      const theirs = join(directory, 'theirs');
      using server = nodeServer((socket) => socket.pipe(socket), { path: theirs });
      using socket = connect({ path: theirs });
      socket.write('pong');
      socket.end();
      expect(readAll(socket).toString()).toBe('pong');
      expect(server.port).toBe(-1);
    });
  });

  it('may have no place in the file system', async () => {
    await spawn(() => {
      const path = `\0stackful-${process.pid}-${Math.random()}`;
      using listener = listen({ path });
      expect(listener.address.address).toBe(path);
      const acceptor = spawn(() => listener.accept());
      using client = connect({ path });
      using server = acceptor.join();
      client.write('x');
      expect(server.read()!.toString()).toBe('x');
    });
  });

  it('fail as in node:net', async () => {
    await spawn(() => {
      const path = join(temporaryDirectory(), 'taken');
      writeFileSync(path, '');
      const server = net.createServer().listen(path);
      const expected = wait(once(server, 'error'))[0] as Error;
      // Node adds a port of -1.
      expect(common(thrown(() => listen({ path })))).toEqual({ ...common(expected), port: undefined });
      expect(thrown(() => connect({ path }))).toMatchObject({ code: 'ECONNREFUSED', address: path });
      expect(existsSync(path)).toBe(true);
      expect(thrown(() => listen({ path: '/'.padEnd(120, 'x') }))).toMatchObject({
        code: 'ENAMETOOLONG',
        syscall: 'listen',
      });
    });
  });
});

it('is closed by a using declaration', async () => {
  await spawn(() => {
    let socket: Socket;
    let listener: Listener;
    {
      using l = listen({ port: 0, host: '127.0.0.1' });
      using s = connect({ port: l.address.port, host: '127.0.0.1' });
      socket = s;
      listener = l;
    }
    expect([socket.closed, listener.closed]).toEqual([true, true]);
  });
});
