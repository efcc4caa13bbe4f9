import { createReadStream, mkdtempSync, readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CancelledError, Event, current, shield, sleep, wait } from 'stackful';
import { ClientLeftError } from 'stackful/http';
import { exchange, get, open, parse, post, readAll, start, until, url } from './helpers.js';

const LEAVE = { 'with the end of its stream': 'destroy', 'with a reset': 'resetAndDestroy' } as const;
const ways = Object.entries(LEAVE);
/** For clients that leave without a reset: soon, but not at once. */
const limits = { halfClose: 30 };
const self = fileURLToPath(import.meta.url);
/** How often this file is open. */
const openTimes = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === self;
    } catch {
      return false;
    }
  }).length;

describe('a client that leaves', () => {
  it.each(ways)('%s: the handler that waits is cancelled, its finally runs', async (_name, leave) => {
    let waiting = false;
    let error: unknown;
    const server = start(() => {
      try {
        waiting = true;
        sleep(1e6);
      } catch (caught) {
        error = caught;
        throw caught;
      }
      return 'late';
    }, { limits });
    const socket = await open(server);
    socket.write(get());
    await until(() => waiting);
    socket[leave]();
    await until(() => server.stats.connections === 0);
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as CancelledError).reason).toBeInstanceOf(ClientLeftError);
    expect((error as CancelledError).reason).toMatchObject({ code: 'ERR_HTTP_CLIENT_LEFT' });
    expect(server.errors).toEqual([]);
  });

  it.each(ways)('%s: request.signal is aborted, before the time for an answer is over', async (_name, leave) => {
    let reason: unknown;
    const server = start((request) => {
      const { signal } = request;
      expect(request.signal).toBe(signal);
      const aborted = new Event();
      signal.addEventListener('abort', () => {
        reason = signal.reason;
        aborted.set();
      });
      // A client that leaves with a reset ends this wait as well.
      shield(() => { aborted.wait(); });
      return 'for nobody';
    });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    socket[leave]();
    await until(() => server.stats.connections === 0);
    expect(reason).toBeInstanceOf(ClientLeftError);
    expect(server.errors).toEqual([]);
  });

  it.each(ways)('%s: is not reported when what ends the handler is its signal', async (_name, leave) => {
    const server = start((request) => {
      wait(new Promise(() => undefined), { signal: request.signal });
      return '';
    });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    socket[leave]();
    await until(() => server.stats.connections === 0);
    expect(server.errors).toEqual([]);
  });

  it('has an aborted signal when it had left before the first read of that', async () => {
    let left = false;
    let aborted: boolean | undefined;
    const server = start((request) => {
      while (!left) sleep(1);
      sleep(20);
      aborted = request.signal.aborted;
      return 'x';
    });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    socket.end();
    left = true;
    expect(parse(await readAll(socket))).toMatchObject([{ status: 200, body: 'x' }]);
    expect(aborted).toBe(true);
  });

  it('on its very first request, whose socket no coroutine has waited for', async () => {
    let error: unknown;
    let computing = true;
    const server = start((request) => {
      if (request.path === '/first') {
        // Connections and requests arrive meanwhile.
        const until = performance.now() + 100;
        while (performance.now() < until);
        computing = false;
        return '';
      }
      try {
        sleep(1e6);
      } catch (caught) {
        error = caught;
      }
      return '';
    }, { limits });
    const first = await open(server);
    const second = await open(server);
    first.write(get('/first'));
    second.write(get('/second'));
    await until(() => !computing && server.stats.requests === 2);
    second.resetAndDestroy();
    await until(() => error !== undefined);
    expect(error).toBeInstanceOf(CancelledError);
    first.destroy();
  });

  it.each(ways)('%s: its event stream ends, and its place is free', async (_name, leave) => {
    let ended = 0;
    const server = start((request) => {
      if (request.path !== '/events') return 'hello';
      return {
        body: (function* () {
          try {
            yield 'data: 1\n\n';
            sleep(1e6);
          } finally {
            ended++;
          }
        })(),
      };
    }, { maxConnections: 5, limits });
    const sockets = await Promise.all(Array.from({ length: 5 }, () => open(server)));
    for (const socket of sockets) {
      socket.write(get('/events'));
      await new Promise((resolve) => socket.once('data', resolve));
    }
    for (const socket of sockets) socket[leave]();
    expect(await (await fetch(url(server))).text()).toBe('hello');
    expect(ended).toBe(5);
    expect(server.errors).toEqual([]);
  });

  it.each(ways)('%s: does not hold up close()', async (_name, leave) => {
    const server = start(() => {
      sleep(1e6);
      return '';
    }, { limits });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    const closed = server.close();
    socket[leave]();
    await closed;
    expect(server.stats.connections).toBe(0);
  });

  it.each(ways)('%s: is noticed while no connection is accepted', async (_name, leave) => {
    const server = start((request) => {
      if (request.path !== '/wait') return 'hello';
      sleep(1e6);
      return '';
    }, { maxCoroutines: 2, limits });
    const socket = await open(server);
    socket.write(get('/wait'));
    await until(() => server.stats.requests === 1);
    socket[leave]();
    expect(await (await fetch(url(server))).text()).toBe('hello');
  });

  it('ends an asynchronous source in the middle of a part', async () => {
    let cancelled = false;
    const web = () => new ReadableStream<Uint8Array>({
      start: (controller) => { controller.enqueue(Buffer.from('first')); },
      cancel: () => { cancelled = true; },
    });
    const server = start(() => ({ body: web() }), { limits });
    const socket = await open(server);
    socket.write(get());
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await until(() => cancelled);
  });

  it('on a Unix socket', async () => {
    const server = start((request) => {
      wait(new Promise(() => undefined), { signal: request.signal });
      return '';
    }, { path: join(mkdtempSync(join(tmpdir(), 'stackful-')), 'socket') });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    socket.destroy();
    await until(() => server.stats.connections === 0);
    expect(server.errors).toEqual([]);
  });
});

describe('a client that only closes its half', () => {
  it('gets its answer within limits.halfClose, for each of its requests', async () => {
    const server = start((request) => {
      sleep(20);
      return request.path;
    });
    const answers = parse(await exchange(server, get('/a') + get('/b') + get('/c')));
    expect(answers.map(({ body }) => body)).toEqual(['/a', '/b', '/c']);
  });

  it('gets a stream for as long as something comes', async () => {
    const server = start(() => ({
      body: (function* () {
        for (let i = 0; i < 12; i++) {
          sleep(60);
          yield `${String(i)} `;
        }
      })(),
    }), { limits: { halfClose: 600 } });
    const [answer] = parse(await exchange(server, get()));
    expect(answer!.body).toBe('0 1 2 3 4 5 6 7 8 9 10 11 ');
  });

  it('gets the answer to an upload', async () => {
    const server = start((request) => request.text());
    const [answer] = parse(await exchange(server, post('the whole body')));
    expect(answer!.body).toBe('the whole body');
  });

  it('gets none after that', async () => {
    const server = start(() => {
      sleep(1e6);
      return 'late';
    }, { limits: { halfClose: 0 } });
    expect(await exchange(server, get())).toBe('');
  });
});

describe('a signal', () => {
  it('stays as it is when the response has been sent', async () => {
    const signals: AbortSignal[] = [];
    const server = start((request) => {
      signals.push(request.signal);
      return 'x';
    });
    const socket = await open(server);
    socket.write(get());
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await until(() => server.stats.connections === 0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('is aborted when close() cancels the handler', async () => {
    let reason: unknown;
    const server = start((request) => {
      request.signal.addEventListener('abort', () => { reason = request.signal.reason; });
      sleep(1e6);
      return '';
    });
    const socket = await open(server);
    socket.write(get());
    await until(() => server.stats.requests === 1);
    await server.close({ deadline: 0 });
    await until(() => reason !== undefined);
    expect((reason as Error).message).toBe('the server was closed');
    socket.destroy();
  });

  it('cannot be had for the first time when the request is over', async () => {
    const requests: { readonly signal: AbortSignal }[] = [];
    const server = start((request) => {
      requests.push(request);
      return '';
    });
    await exchange(server, get());
    expect(() => requests[0]!.signal).toThrow(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_OVER' }));
  });
});

describe('the coroutine of a connection', () => {
  it('is called after its request', async () => {
    const names: string[] = [];
    const server = start((request) => {
      const coroutine = current()!;
      names.push(coroutine.name);
      if (request.path !== '/wait') return '';
      // Another client sends a request while it waits.
      const asked = new Event();
      setImmediate(() => {
        names.push(coroutine.name);
        asked.set();
      });
      asked.wait();
      return '';
    });
    await exchange(server, get('/wait?with=query') + post('') + get(`/${'x'.repeat(200)}`));
    expect(names).toEqual(['GET /wait', 'GET /wait', 'POST /', `GET /${'x'.repeat(95)}...`]);
  });
});

describe('a body that is not sent', () => {
  const bodies = {
    'a generator over an open file': () => {
      const stream = createReadStream(self);
      return (function* () {
        try {
          wait(new Promise((resolve) => stream.once('open', resolve)));
          yield 'x';
        } finally {
          stream.destroy();
        }
      })();
    },
    'a stream of Node': () => createReadStream(self),
  };
  for (const [name, body] of Object.entries(bodies)) {
    it(`HEAD, 204, 304 end ${name}`, async () => {
      const before = openTimes();
      const server = start((request) => ({ status: Number(request.path.slice(1)), body: body() }));
      for (const status of [204, 304]) await exchange(server, get(`/${String(status)}`));
      const [answer] = parse(await exchange(server, get('/200').replace('GET', 'HEAD')), [0]);
      expect(answer!.status).toBe(200);
      await until(() => openTimes() === before);
    });

    it(`a response that is refused ends ${name}`, async () => {
      const before = openTimes();
      const server = start((request) => {
        if (request.path === '/status') return { status: 1000, body: body() };
        if (request.path === '/headers') return { headers: { 'bad name': 'x' }, body: body() };
        return { unknown: 1, body: body() } as object;
      });
      const answers = parse(await exchange(server, get('/status') + get('/headers') + get('/other')));
      expect(answers.map(({ status }) => status)).toEqual([500, 500, 500]);
      await until(() => openTimes() === before);
    });
  }
});
