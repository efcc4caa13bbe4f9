// A connection of a server that becomes an ordinary socket in the middle.
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';

import { sleep, type Coroutine, current } from 'stackful';
import type { Request, ServeOptions } from 'stackful/http';
import type { Socket } from 'stackful/net';
import { TlsSocket } from 'stackful/tls';

import { haveOpenssl, ordinary } from '../tls/certificates.js';
import { exchange, open, readAll, start } from './helpers.js';
import { temporaryDirectory } from '../net/peers.js';

interface Successor {
  serverCloses(): void;
  expects(failure: unknown): boolean;
  over(failure: unknown): void;
}

const nothing: Successor = { serverCloses: () => undefined, expects: () => false, over: () => undefined };

function handOver(request: Request, successor: Partial<Successor> = {}): Socket {
  const { connection } = request as unknown as { connection: { handOver: (successor: Successor) => Socket } };
  return connection.handOver({ ...nothing, ...successor });
}

/** Sends back what it gets, in capitals. */
function shout(request: Request): void {
  const socket = handOver(request);
  socket.write('now\n');
  for (let line = socket.readLine(); line !== null; line = socket.readLine()) socket.write(`${line.toUpperCase()}\n`);
}

const HEAD = 'GET /there HTTP/1.1\r\nHost: here\r\n\r\n';

describe('a connection that is handed over', () => {
  it('has the bytes behind the request, and then those that follow', async () => {
    const server = start(shout);
    const socket = await open(server);
    const answer = readAll(socket);
    socket.write(`${HEAD}one\ntw`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write('o\n');
    socket.end();
    expect(await answer).toBe('now\nONE\nTWO\n');
    expect(server.errors).toEqual([]);
  });

  it('gets its bytes after the answers to earlier requests', async () => {
    const server = start((request) => (request.path === '/there' ? shout(request) : 'page'));
    const answer = await exchange(server, `GET / HTTP/1.1\r\nHost: here\r\n\r\n${HEAD}one\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\npagenow\nONE\n$/);
  });

  it('may be that of a Unix socket', async () => {
    const path = `${temporaryDirectory()}/socket`;
    const server = start(shout, { path });
    expect(await exchange(server, `${HEAD}one\n`)).toBe('now\nONE\n');
    rmSync(path, { force: true });
  });

  it.skipIf(!haveOpenssl)('keeps its TLS session', async () => {
    let seen: unknown[] = [];
    const options: ServeOptions = { tls: ordinary().server };
    const server = start((request) => {
      const info = request.tls!;
      const socket = handOver(request) as TlsSocket;
      seen = [socket instanceof TlsSocket, socket.protocol === info.protocol, socket.tls === info, info.peerCertificate()];
      for (const chunk of socket) socket.write(String(chunk).toUpperCase());
    }, options);
    const ca = ordinary().authority.cert;
    const client = tls.connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca });
    const answer = readAll(client);
    client.write(`${HEAD}one`);
    await new Promise((resolve) => client.once('data', resolve));
    client.end(' two');
    expect(await answer).toBe('ONE TWO');
    expect(seen).toEqual([true, true, true, undefined]);
    expect(server.errors).toEqual([]);
  });

  it('counts until its coroutine is over, and the server waits for it', async () => {
    const events: string[] = [];
    const server = start((request) => {
      const socket = handOver(request, {
        serverCloses: () => { events.push('server closes'); },
        over: () => { events.push('over'); },
      });
      socket.write('here');
      expect(socket.readLine()).toBe('bye');
    });
    const socket = await open(server);
    socket.write(HEAD);
    await new Promise((resolve) => socket.once('data', resolve));
    expect(server.stats).toMatchObject({ connections: 1, requests: 1 });
    let closed = false;
    const closing = server.close().then(() => { closed = true; });
    while (events.length === 0) await new Promise(setImmediate);
    expect([closed, server.stats.connections]).toEqual([false, 1]);
    socket.write('bye\n');
    await closing;
    expect(events).toEqual(['server closes', 'over']);
    expect(server.stats.connections).toBe(0);
    expect(server.errors).toEqual([]);
  });

  it('is told at once when the server is closing already', async () => {
    const events: string[] = [];
    const server = start((request) => {
      void server.close();
      handOver(request, { serverCloses: () => { events.push('server closes'); } });
    });
    expect(await exchange(server, HEAD)).toBe('');
    expect(events).toEqual(['server closes']);
  });

  it('is cancelled at the deadline of close', async () => {
    let failure: unknown;
    const server = start((request) => {
      handOver(request, { over: (error) => { failure = error; } });
      sleep(1e9);
    });
    const socket = await open(server);
    socket.write(HEAD);
    while (server.stats.requests === 0) await new Promise(setImmediate);
    await server.close({ deadline: 1 });
    expect(failure).toMatchObject({ code: 'ERR_CANCELLED' });
    expect(server.errors).toEqual([]);
  });

  it('hears what the handler has thrown, and so does onError; the client gets the end of the stream', async () => {
    const failures: unknown[] = [];
    const server = start((request) => {
      handOver(request, { over: (failure) => { failures.push(failure); } });
      throw new Error('broken');
    });
    expect(await exchange(server, HEAD)).toBe('');
    expect(failures).toEqual([new Error('broken')]);
    expect(server.errors).toEqual(failures);
  });

  it.each<[string, (request: Request) => unknown]>([
    ['a string', () => 'page'],
    ['bytes', () => Buffer.from('page')],
    ['nothing', () => undefined],
    ['an object', () => ({ status: 201, body: 'page' })],
    ['an endless body', () => ({ body: (function* () { for (;;) yield 'page'; })() })],
    ['a promise', () => Promise.resolve('page')],
  ])('sends nothing of %s that the handler returns', async (_name, result) => {
    const server = start((request) => {
      handOver(request).write('mine');
      return result(request) as string;
    });
    expect(await exchange(server, HEAD)).toBe('mine');
    expect(server.errors).toEqual([]);
  });

  it('is not told of a client that leaves: its reads find out', async () => {
    let self: Coroutine | undefined;
    let read: unknown;
    const server = start((request) => {
      self = current();
      const signal = request.signal;
      const socket = handOver(request);
      socket.write('x');
      read = socket.read();
      sleep(1);
      expect(signal.aborted).toBe(false);
    }, { limits: { halfClose: 0 } });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(HEAD);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.end();
    await self;
    expect(read).toBe(null);
    expect(server.errors).toEqual([]);
  });
});

describe('no connection is handed over', () => {
  const refused = /^HTTP\/1\.1 200 OK\r\n[^]*ERR_HTTP_CANNOT_HAND_OVER$/;
  const codeOf = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'no error';
  };

  it('while its request has an unread body', async () => {
    const server = start((request) => codeOf(() => handOver(request)));
    expect(await exchange(server, 'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody')).toMatch(refused);
  });

  it('twice', async () => {
    let second = '';
    const server = start((request) => {
      handOver(request).write('once');
      second = codeOf(() => handOver(request));
    });
    expect(await exchange(server, HEAD)).toBe('once');
    expect(second).toBe('ERR_HTTP_CANNOT_HAND_OVER');
  });

  it('behind the head of a response', async () => {
    let code = '';
    const server = start((request) => ({
      body: (function* () {
        yield 'one';
        code = codeOf(() => handOver(request));
        yield ' two';
      })(),
    }));
    expect(await exchange(server, HEAD)).toMatch(/one[^]* two/);
    expect(code).toBe('ERR_HTTP_CANNOT_HAND_OVER');
  });
});
