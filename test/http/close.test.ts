import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CancelledError, sleep, spawn, stats, wait } from 'stackful';
import { get, open, parse, post, readAll, start, until } from './helpers.js';

/** Tries to connect. By now the port may belong to another server, so that the outcome says nothing. */
const knock = (port: number) =>
  new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.destroy());
    socket.on('error', () => undefined).on('close', () => { resolve(); });
  });

describe('close', () => {
  it('stops accepting at once and ends idle connections', async () => {
    const server = start(() => 'x');
    const fresh = await open(server);
    const used = await open(server);
    used.write(get());
    await until(() => server.stats.requests === 1 && server.stats.connections === 2);
    const answers = [readAll(fresh), readAll(used)];
    const closed = server.close();
    await knock(server.port);
    await closed;
    expect(await answers[0]).toBe('');
    expect(parse(await answers[1]!)).toHaveLength(1);
    expect(server.stats).toMatchObject({ connections: 0, accepted: 2, requests: 1 });
  });

  it('comes at the end of a block with `using`, in a coroutine as its last step', async () => {
    const served = await spawn(() => {
      using server = start(() => 'x');
      const socket = wait(open(server));
      socket.write(get());
      while (server.stats.requests < 1) sleep(1);
      return server;
    });
    expect(served.stats).toMatchObject({ connections: 0, requests: 1 });
  });

  it('lets requests under way finish, and says that they are the last', async () => {
    let free = false;
    const server = start((request) => {
      while (!free) sleep(1);
      return request.text();
    });
    const socket = await open(server);
    const answer = readAll(socket);
    socket.write(post('Hel').replace('th: 3', 'th: 5'));
    await until(() => server.stats.requests === 1);
    let done = false;
    const closed = server.close().then(() => (done = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toBe(false);
    free = true;
    socket.write(`lo${get()}`);
    expect(parse(await answer)).toEqual([expect.objectContaining({ status: 200, body: 'Hello' })]);
    expect(parse(await answer)[0]!.headers['connection']).toBe('close');
    await closed;
  });

  it('answers a request that was there before', async () => {
    const server = start((request) => request.path);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(server)));
    await until(() => server.stats.connections === 20);
    const answers = sockets.map(readAll);
    // In this thread nothing reads them before close, which ends the waits and keeps arrived data.
    for (const socket of sockets) socket.write(get('/last'));
    await server.close();
    for (const answer of answers) expect(['', '/last']).toContain(parse(await answer)[0]?.body ?? '');
  });

  it('answers connections that waited in the backlog', async () => {
    const server = start((request) => request.path, { maxConnections: 1 });
    const first = await open(server);
    await until(() => server.stats.connections === 1);
    const waiting = await Promise.all(Array.from({ length: 20 }, () => open(server)));
    for (const socket of waiting) socket.write(get('/waited'));
    const answers = [first, ...waiting].map(readAll);
    await until(() => waiting.every((socket) => socket.bytesWritten > 0));
    expect(server.stats.accepted).toBe(1);
    await server.close({ idle: 1000 });
    for (const answer of answers.slice(1)) {
      expect(parse(await answer)[0]).toMatchObject({ body: '/waited', headers: { connection: 'close' } });
    }
    expect(await answers[0]).toBe('');
  });

  it('lets idle connections bring one more request, for a while', async () => {
    const server = start((request) => request.path);
    const socket = await open(server);
    socket.write(get('/1'));
    const answer = readAll(socket);
    const silent = readAll(await open(server));
    await until(() => server.stats.requests === 1 && server.stats.connections === 2);
    const closed = server.close({ idle: 200 });
    setTimeout(() => socket.write(get('/2') + get('/3')), 50);
    await closed;
    expect(parse(await answer).map(({ body, headers }) => [body, headers['connection']])).toEqual([['/1', undefined], ['/2', 'close']]);
    expect(await silent).toBe('');
  });

  it('can be joined in a coroutine, and called again', async () => {
    const server = start(() => 'x');
    await spawn(() => {
      server.close().join();
      server.close().join();
    });
    await server.close();
    expect(server.stats.connections).toBe(0);
  });

  it('can be called by a handler', async () => {
    const server = start(() => {
      void server.close();
      return 'bye';
    });
    const socket = await open(server);
    socket.write(get());
    expect(parse(await readAll(socket))[0]).toMatchObject({ body: 'bye', headers: { connection: 'close' } });
    await server.close();
  });

  it('cancels what is left at the deadline', async () => {
    const seen: unknown[] = [];
    const server = start((request) => {
      try {
        if (request.path === '/sleep') sleep(1e8);
        return request.text();
      } catch (error) {
        seen.push(error);
        throw error;
      }
    });
    const sleeping = await open(server);
    sleeping.write(get('/sleep'));
    const sending = await open(server);
    sending.write(post('Hello').slice(0, -1));
    const halfway = await open(server);
    halfway.write('GET / HTTP');
    await until(() => server.stats.requests === 2 && server.stats.connections === 3);
    const answers = [sleeping, sending, halfway].map(readAll);
    await server.close({ deadline: 30 });
    await Promise.all(answers);
    expect(seen).toHaveLength(2);
    expect(seen.every((error) => error instanceof CancelledError)).toBe(true);
    expect(server.errors).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    const before = stats();
    for (let i = 0; i < 50; i++) {
      const server = start(() => 'x');
      const socket = await open(server);
      socket.write(get());
      const answer = readAll(socket);
      await until(() => server.stats.requests === 1);
      await server.close();
      await answer;
    }
    expect(stats().openSockets).toBe(before.openSockets);
    expect(stats().live).toBeLessThanOrEqual(before.live);
  });
});
