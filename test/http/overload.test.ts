import { describe, expect, it } from 'vitest';
import { configure, sleep, spawn, stats } from 'stackful';
import { listenFd } from '../../lib/http/server.js';
import { exchange, get, open, parse, readAll, start, until, url } from './helpers.js';

/** Keeps the thread for so long. */
function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('shedding', () => {
  it('refuses what has waited while a queue stands, before the handler, and only then', async () => {
    let handled = 0;
    const server = start(() => {
      handled++;
      compute(5);
      return 'done';
    }, { shed: { delayMs: 10, intervalMs: 20 } });
    const sockets = await Promise.all(Array.from({ length: 40 }, () => open(server)));
    const texts = sockets.map(() => '');
    for (const [i, socket] of sockets.entries()) socket.on('data', (chunk: Buffer) => (texts[i] += chunk.toString('latin1')));
    // All at once, again and again: 200 ms of work each time.
    const rounds = 10;
    for (let round = 1; round <= rounds; round++) {
      for (const socket of sockets) socket.write(get());
      await until(() => server.stats.requests === round * sockets.length && texts.every((text) => text.split('HTTP/1.1 ').length > round));
    }
    const answers = texts.flatMap((text) => parse(text));
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers).toHaveLength(rounds * sockets.length);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(handled);
    expect(refused.length).toBe(server.stats.shed);
    expect(refused.length).toBeGreaterThan(sockets.length);
    expect(refused[0]!.headers).toMatchObject({ 'retry-after': '1' });
    expect(refused[0]!.headers['connection']).toBeUndefined();
    // A request that comes alone has not waited.
    const before = server.stats.shed;
    for (let i = 0; i < 10; i++) expect((await fetch(url(server))).status).toBe(200);
    expect(server.stats.shed).toBe(before);
    for (const socket of sockets) socket.destroy();
  });

  it('does not take one pause for a queue', async () => {
    const server = start(() => 'x', { shed: { delayMs: 10, intervalMs: 50 } });
    for (let i = 0; i < 5; i++) {
      const answers = Promise.all(Array.from({ length: 20 }, () => exchange(server, get())));
      compute(100);
      for (const answer of await answers) expect(parse(answer)[0]!.status).toBe(200);
    }
    expect(server.stats.shed).toBe(0);
  });

  it('takes only options that mean something', () => {
    expect(() => start(() => '', { shed: { delayMs: 0 } })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
    expect(() => start(() => '', { shed: 'yes' as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });
});

describe('caps', () => {
  it('maxCoroutines: with too many of any kind nothing is accepted', async () => {
    const before = stats().live;
    const server = start(() => 'x', { maxCoroutines: before + 11 });
    const others = Array.from({ length: 10 }, () => spawn(() => { sleep(1e6); }));
    const answer = exchange(server, get());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.stats.accepted).toBe(0);
    for (const other of others) {
      other.cancel();
      await expect(other).rejects.toThrow();
    }
    expect(parse(await answer)[0]!.status).toBe(200);
  });
});

describe('Knot-C and Knot-A', () => {
  it('take turns while the server runs', async () => {
    const server = start((request) => request.path);
    try {
      for (const schedulingPolicy of ['connections', 'accept', 'connections', 'fifo'] as const) {
        configure({ schedulingPolicy });
        const sockets = await Promise.all(Array.from({ length: 100 }, () => open(server)));
        const answers = sockets.map(readAll);
        for (const socket of sockets) socket.end(get('/a').repeat(20));
        for (const answer of answers) expect(parse(await answer)).toHaveLength(20);
      }
    } finally {
      configure({ schedulingPolicy: 'fifo' });
    }
  });
});

describe('an inherited descriptor', () => {
  it('is served from', async () => {
    const server = start((request) => request.path, { fd: listenFd('127.0.0.1', 0) });
    expect(server.address).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
    expect(await (await fetch(url(server, '/inherited'))).text()).toBe('/inherited');
  });

  it('must listen', () => {
    expect(() => start(() => '', { fd: 0 })).toThrow(expect.objectContaining({ syscall: 'listen' }) as Error);
    expect(() => start(() => '', { fd: -1 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
  });
});
