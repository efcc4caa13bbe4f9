import { spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { coroutines } from 'stackful';
import { get, open, parse, readAll, start as serve, until } from './helpers.js';

/** Requests that arrive while the thread does something else are answered in one batch, and the answers go out at its end. */
describe('an answer that others in its batch could keep', () => {
  it('goes out when one of them closes the server, without waiting for other coroutines', async () => {
    const order: string[] = [];
    const server = serve((request) => {
      order.push(request.path);
      if (request.path === '/close') void server.close({ deadline: 0 });
      return request.path;
    });
    const [first, second] = [await open(server), await open(server)];
    await until(() => server.stats.connections === 2);
    const answer = readAll(first);
    const other = readAll(second);
    first.write(get('/first'));
    second.write(get('/close'));
    expect(parse(await answer)).toEqual([expect.objectContaining({ status: 200, body: '/first' })]);
    await other;
    expect(order).toEqual(['/first', '/close']);
  });

  it('goes out when one of them cancels its coroutine', async () => {
    const server = serve((request) => {
      if (request.path === '/cancel') for (const each of coroutines()) if (each.parkedOn?.startsWith('socket.read') === true) each.cancel();
      return request.path;
    });
    const [first, second] = [await open(server), await open(server)];
    await until(() => server.stats.connections === 2);
    const answer = readAll(first);
    first.write(get('/first'));
    second.write(get('/cancel'));
    expect(parse(await answer)).toEqual([expect.objectContaining({ status: 200, body: '/first' })]);
    second.destroy();
  });

  it('goes out before the one after the next computes', async () => {
    const sentBefore: number[] = [];
    const server = serve(() => {
      sentBefore.push(server.stats.bytesSent);
      const until = performance.now() + 30;
      while (performance.now() < until);
      return 'x';
    });
    const sockets = [await open(server), await open(server), await open(server)];
    await until(() => server.stats.connections === 3);
    const answers = sockets.map(readAll);
    for (const socket of sockets) socket.write(get());
    await until(() => sentBefore.length === 3);
    for (const socket of sockets) socket.end();
    for (const answer of await Promise.all(answers)) expect(parse(answer)).toEqual([expect.objectContaining({ status: 200, body: 'x' })]);
    expect(sentBefore[2]).toBeGreaterThan(0);
  });

  it('goes out when one of them ends the process', async () => {
    const program = `
      import { yieldNow } from 'stackful';
      import { serve } from 'stackful/http';
      const handled = new Set();
      const server = serve((request) => {
        const until = performance.now() + (request.path === '/busy' ? 300 : 0);
        while (performance.now() < until);
        if (request.path === '/exit') {
          // On a loaded machine the kernel may deliver it before what another connection has sent first.
          while (!handled.has('/answered')) yieldNow();
          process.exit(7);
        }
        handled.add(request.path);
        return request.path;
      }, { host: '127.0.0.1' });
      console.log(server.port);
    `;
    const child = start(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const sockets = await Promise.all(
      [0, 1, 2].map(async () => {
        const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
        await once(socket, 'connect');
        return socket;
      }),
    );
    const [busy, answered, exit] = sockets as [(typeof sockets)[0], (typeof sockets)[0], (typeof sockets)[0]];
    const answer = readAll(answered);
    busy.write(get('/busy'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    answered.write(get('/answered'));
    exit.write(get('/exit'));
    expect(await once(child, 'exit')).toEqual([7, null]);
    expect(parse(await answer)).toEqual([expect.objectContaining({ status: 200, body: '/answered' })]);
  });
});
