import { once } from 'node:events';
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { Event, sleep, spawn, wait } from 'stackful';
import { proxy, serve, type Handler, type ProxyOptions } from 'stackful/http';
import { connect } from 'stackful/net';

import { ok, rawServer, thrown, until } from '../client/peers.js';
import { start, url } from '../helpers.js';
import { front, origin } from './front.js';

/** What an upstream was asked. */
const telling: Handler = (request) => JSON.stringify({
  method: request.method, target: request.target, headers: request.headers.toObject(), body: request.text(100_000_000).length,
});

interface Told {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: number;
}

describe('passing on', () => {
  it('keeps method, target, body and headers, but those of one connection', async () => {
    const upstream = start(telling);
    const { client, server } = front(`${origin(upstream)}/base/`);
    await spawn(() => {
      const told = client.request('/a/%20b?c=d', { method: 'PATCH', headers: { 'X-Own': ['1', '2'] }, body: 'body' }).json() as Told;
      expect(told).toMatchObject({ method: 'PATCH', target: '/base/a/%20b?c=d', body: 4 });
      expect(told.headers).toMatchObject({ 'x-own': '1, 2', 'content-length': '4', host: `127.0.0.1:${server.port}` });

      using socket = connect({ host: '127.0.0.1', port: server.port });
      socket.write('GET http://elsewhere/x?y HTTP/1.1\r\nHost: elsewhere\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nX-Kept: 2\r\n'
        + 'Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nTE: trailers\r\nTrailer: z\r\nUpgrade: h2c\r\n\r\n');
      const answer = socket.readUntil('\r\n\r\n')!.toString();
      const { headers, target } = JSON.parse(socket.readExactly(Number(/content-length: (\d+)/i.exec(answer)![1])).toString()) as Told;
      expect(target).toBe('/base/x?y');
      expect(Object.keys(headers).sort()).toEqual(['forwarded', 'host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-kept']);
    });
  });

  it('says for whom it asks; what clients say of that counts only if they are trusted', async () => {
    const upstream = start(telling);
    const claimed = { 'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'name', Forwarded: 'for=1.2.3.4' };
    const asked: string[] = [];
    await spawn(() => {
      const headersWith = (options: ProxyOptions, headers = {}) => {
        const { client } = front(origin(upstream), options);
        return (client.request('/', { headers: { Host: 'public', ...headers } }).json() as Told).headers;
      };
      const own = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'public', forwarded: 'for=127.0.0.1;proto=http;host="public"' };
      expect(headersWith({})).toMatchObject({ ...own, host: 'public' });
      expect(headersWith({}, claimed)).toMatchObject(own);
      expect(headersWith({ trust: (address) => (asked.push(address), false) }, claimed)).toMatchObject(own);
      expect(asked).toEqual(['127.0.0.1']);
      expect(headersWith({ trust: true }, claimed)).toMatchObject({
        'x-forwarded-for': '1.2.3.4, 127.0.0.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'name', forwarded: 'for=1.2.3.4, for=127.0.0.1;proto=http;host="public"',
      });
      expect(headersWith({ host: 'upstream' }).host).toBe(`127.0.0.1:${upstream.port}`);
      expect(headersWith({ host: 'other:80' }).host).toBe('other:80');
    });
  });

  it('gives each client its own lines when several send the same headers, byte for byte, and others in between', async () => {
    const upstream = start(telling);
    const trusted: string[] = [];
    const fronts = [
      front(origin(upstream)), front(origin(upstream), { trust: true }),
      front(origin(upstream), { trust: (address) => trusted.push(address) % 2 === 0 }),
    ];
    const ask = (n: number, from: string, headers: string[], path: string) => new Promise<Told>((resolve, reject) => {
      const to = { host: '127.0.0.1', port: fronts[n]!.server.port, localAddress: from, headers, path, agent: false };
      http.get(to, (response) => {
        let text = '';
        response.on('data', (piece) => { text += String(piece); }).on('end', () => { resolve(JSON.parse(text) as Told); });
      }).on('error', reject);
    });
    const common = ['Host', 'public', 'Connection', 'close', 'X-Forwarded-For', '1.2.3.4'];
    for (let round = 0; round < 3; round++) {
      for (const from of ['127.0.0.1', '127.0.0.2']) {
        const other = ['Host', 'public', 'Connection', 'close', 'X-Round', `${round} ${from}`];
        const [told, byTrust, more] = [await ask(0, from, common, `/${round}`), await ask(1, from, common, '/b'), await ask(0, from, other, '/c')];
        expect([told.target, told.headers['x-forwarded-for'], told.headers['x-round']]).toEqual([`/${round}`, from, undefined]);
        expect([byTrust.target, byTrust.headers['x-forwarded-for']]).toEqual(['/b', `1.2.3.4, ${from}`]);
        expect([more.headers['x-forwarded-for'], more.headers['x-round']]).toEqual([from, `${round} ${from}`]);
      }
    }
    // A function that decides is asked for each request.
    const decided = [await ask(2, '127.0.0.1', common, '/'), await ask(2, '127.0.0.1', common, '/')].map(({ headers }) => headers['x-forwarded-for']);
    expect([decided, trusted]).toEqual([['127.0.0.1', '1.2.3.4, 127.0.0.1'], ['127.0.0.1', '127.0.0.1']]);
    // More different ones than are remembered, twice.
    for (let n = 0; n < 2; n++) {
      for (let i = 0; i < 600; i++) {
        const told = await ask(0, '127.0.0.1', ['Host', 'public', 'Connection', 'close', 'X-Number', String(i)], '/');
        if (told.headers['x-number'] !== String(i)) expect(told.headers['x-number']).toBe(String(i));
      }
    }
  });

  it('gives answers back: status, headers, bodies of every kind', async () => {
    await spawn(() => {
      const large = 'x'.repeat(3_000_000);
      const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n';
      const answers: Record<string, string> = {
        '/plain': ok('hello', 'X-A: 1\r\nx-a: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: X-Gone\r\nX-Gone: 1\r\nServer: it\r\n'),
        '/missing': 'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno',
        '/empty': ok(''),
        '/chunks': `${chunked}3\r\nabc\r\n0\r\nX: 1\r\n\r\n`,
        '/large': ok(large),
        '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
        '/304': 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n',
        '/hints': `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok('x')}`,
        '/odd': 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
        '/end': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end',
      };
      using upstream = rawServer((socket, head) => {
        const path = head.split(' ')[1]!;
        const answer = answers[path]!;
        socket.write(head.startsWith('HEAD') ? answer.slice(0, answer.indexOf('\r\n\r\n') + 4) : answer);
        return path !== '/end';
      });
      const { client, handler } = front(upstream.url);
      const plain = client.request('/plain');
      expect([plain.status, plain.text()]).toEqual([200, 'hello']);
      expect([plain.headers.get('x-a'), plain.headers.get('x-gone'), plain.headers.get('server')]).toEqual(['1, 2', undefined, 'it']);
      expect(plain.headers.getAll('set-cookie')).toEqual(['a', 'b']);
      const texts = ['/missing', '/empty', '/chunks', '/204', '/304', '/hints', '/end'].map((path) => {
        const response = client.request(path);
        return `${path} ${response.status} ${response.text()}`;
      });
      expect(texts).toEqual(['/missing 404 no', '/empty 200 ', '/chunks 200 abc', '/204 204 ', '/304 304 ', '/hints 200 x', '/end 200 to the end']);
      expect(client.request('/304').headers.get('etag')).toBe('"a"');
      expect(client.request('/large').text() === large).toBe(true);
      const head = client.request('/large', { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length'), head.text()]).toEqual([200, '3000000', '']);
      expect(client.request('/chunks', { method: 'HEAD' }).text()).toBe('');
      expect(client.request('/odd').status).toBe(502);
      expect(client.stats.open).toBe(1);
      expect(handler.upstreams[0]!.active).toBe(0);
    });
  });

  it('streams both ways, and keeps connections to the upstream', async () => {
    const upstream = start((request) => ({ body: request.chunks(Infinity) }));
    const { client } = front(origin(upstream));
    await spawn(() => {
      for (let i = 0; i < 3; i++) {
        let got = '';
        const questions = function* () {
          for (const question of ['a', 'b', 'c']) {
            yield question;
            until(() => got.endsWith(question));
          }
        };
        for (const piece of client.request('/', { body: questions() }).body) got += String(piece);
        expect(got).toBe('abc');
      }
      expect(upstream.stats.accepted).toBe(1);
    });
  });

  it('waits for slow readers without filling the memory', async () => {
    let given = 0;
    const upstream = start(() => ({ body: (function* () { for (; given < 2000; given++) yield Buffer.alloc(64 * 1024); })() }));
    const { server } = front(origin(upstream));
    await spawn(() => {
      using socket = connect({ host: '127.0.0.1', port: server.port, recvBufferSize: 4096 });
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      socket.readUntil('\r\n\r\n');
      let last = -1;
      until(() => {
        const stands = given === last;
        last = given;
        sleep(20);
        return stands;
      });
      // What the system keeps on the two connections, and no more.
      expect(given).toBeLessThan(1000);
    });
  });

  it('ends the request to the upstream when its client leaves', async () => {
    const left = new Event();
    const upstream = start((request) => {
      request.signal.addEventListener('abort', () => { left.set(); });
      sleep(60_000);
    });
    // A client that has only ended its sending would still be answered.
    const { server, handler, failures } = front(origin(upstream), {}, { limits: { halfClose: 0 } });
    await spawn(() => {
      const socket = connect({ host: '127.0.0.1', port: server.port });
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      until(() => handler.upstreams[0]!.active === 1 && upstream.stats.requests === 1);
      socket.close();
      left.wait();
      until(() => handler.upstreams[0]!.active === 0);
      expect(failures).toEqual([]);
      expect(handler.upstreams[0]).toMatchObject({ failures: 0, healthy: true });
    });
  });
});

describe('failures', () => {
  it('are answered with 502, 503 and 504', async () => {
    await spawn(() => {
      using silent = rawServer(() => { sleep(60_000); });
      using broken = rawServer((socket) => (socket.write('garbage\r\n\r\n'), false));
      using closing = rawServer(() => false);
      const nothing = rawServer(() => false);
      nothing[Symbol.dispose]();
      const outcome = (upstream: string, options: ProxyOptions = {}) => {
        const { client, failures } = front(upstream, { retries: 0, ...options });
        const { status } = client.request('/', { method: 'POST', body: 'x' });
        return [status, failures.map((failure) => failure.status), failures[0]?.code];
      };
      expect(outcome(silent.url, { headersTimeout: 20 })).toEqual([504, [504], 'ERR_HTTP_CLIENT_HEADERS_TIMEOUT']);
      expect(outcome(silent.url, { timeout: 20 })).toEqual([504, [504], 'ERR_TIMEOUT']);
      expect(outcome(broken.url)).toEqual([502, [502], 'ERR_HTTP_CLIENT_STATUS_LINE']);
      expect(outcome(closing.url).slice(0, 2)).toEqual([502, [502]]);
      expect(outcome(nothing.url)).toEqual([502, [502], 'ECONNREFUSED']);
      const { client, failures } = front(nothing.url, { maxFailures: 2, failTimeout: 60_000 });
      expect([0, 1, 2, 3].map(() => client.request('/').status)).toEqual([502, 502, 503, 503]);
      expect(failures.map(({ status }) => status)).toEqual([502, 502, 503, 503]);
    });
  });

  it('in the middle of an answer end the connection of the client', async () => {
    await spawn(() => {
      const heads = ['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'];
      for (const head of heads) {
        using upstream = rawServer((socket) => {
          socket.write(`HTTP/1.1 200 OK\r\n${head}`);
          sleep(5);
          return false;
        });
        const { client, failures, handler, server } = front(upstream.url);
        const response = client.request('/');
        expect(response.status).toBe(200);
        expect(thrown(() => response.text()).code).toBe('ERR_HTTP_CLIENT_TRUNCATED');
        expect(failures).toMatchObject([{ status: 0, code: 'ERR_HTTP_CLIENT_TRUNCATED' }]);
        expect(handler.upstreams[0]).toMatchObject({ active: 0, failures: 1 });
        expect((server as unknown as { errors: unknown[] }).errors).toEqual([]);
      }
    });
  });

  it('of the body\'s times, too', async () => {
    await spawn(() => {
      using upstream = rawServer((socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'); sleep(60_000); });
      for (const options of [{ bodyTimeout: 20 }, { timeout: 20 }]) {
        const { client, handler } = front(upstream.url, options);
        expect(thrown(() => client.request('/').text()).code).toBe('ERR_HTTP_CLIENT_TRUNCATED');
        expect(handler.upstreams[0]!.active).toBe(0);
      }
    });
  });

  it('are tried again elsewhere where that is safe', async () => {
    const good = start((request) => `${request.method} ${request.text()}`);
    await spawn(() => {
      using closing = rawServer(() => false);
      const refusing = rawServer(() => false);
      refusing[Symbol.dispose]();
      // In turn: the first of each is asked the bad one.
      const outcomes = (bad: string) => {
        const one = () => front([bad, origin(good)], { balance: 'round-robin' });
        return [
          one().client.request('/').text(),
          one().client.request('/', { method: 'PUT', body: 'again' }).text(),
          one().client.request('/', { method: 'POST', body: 'once' }).text(),
          one().client.request('/', { method: 'PUT', body: ['in pieces'] }).text(),
        ];
      };
      expect(outcomes(refusing.url)).toEqual(['GET ', 'PUT again', 'POST once', 'PUT in pieces']);
      expect(outcomes(closing.url)).toEqual(['GET ', 'PUT again', 'Bad Gateway\n', 'Bad Gateway\n']);
    });
  });

  it('of an answer that comes before the whole request are none', async () => {
    await spawn(() => {
      using upstream = rawServer((socket) => { socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!'); });
      const { client, failures } = front(upstream.url);
      const response = client.request('/', { body: (function* () { for (let i = 0; i < 100; i++) { yield Buffer.alloc(1000); sleep(1); } })() });
      expect([response.status, response.text()]).toEqual([413, 'no!']);
      expect(failures).toEqual([]);
    });
  });

  it('take an upstream out, and checks bring it back', async () => {
    let works = false;
    const good = start(() => 'good');
    const other = start((request) => (request.path === '/health' && !works ? { status: 500 } : 'other'));
    const { client, handler } = front([origin(other), origin(good)], { health: { path: '/health', interval: 5 }, balance: 'round-robin' });
    await spawn(() => {
      until(() => !handler.upstreams[0]!.healthy);
      expect([0, 1, 2].map(() => client.request('/').text())).toEqual(['good', 'good', 'good']);
      works = true;
      until(() => handler.upstreams[0]!.healthy);
      expect([0, 1].map(() => client.request('/').text()).sort()).toEqual(['good', 'other']);
    });
  });

  it('are forgotten after a while', async () => {
    await spawn(() => {
      let works = false;
      using upstream = rawServer((socket) => (works ? (socket.write(ok('x')), true) : false));
      const { client, handler } = front(upstream.url, { maxFailures: 1, failTimeout: 30, retries: 0 });
      expect(client.request('/').status).toBe(502);
      works = true;
      until(() => client.request('/').status === 200);
      expect(handler.upstreams[0]!.healthy).toBe(true);
    });
  });
});

it('stands between clients and servers of others', async () => {
  const upstream = http.createServer((incoming, outgoing) => { incoming.pipe(outgoing); }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const handler = proxy(`http://127.0.0.1:${(upstream.address() as { port: number }).port}`);
  const server = serve(handler, { host: '127.0.0.1' });
  await spawn(() => {
    const body = 'x'.repeat(500_000);
    const response = wait(fetch(url(server), { method: 'POST', body }));
    expect(wait(response.text()) === body).toBe(true);
  });
  handler.close();
  await server.close({ deadline: 0 });
  upstream.close();
  upstream.closeAllConnections();
});

it('refuses options that make no sense', () => {
  for (const [upstreams, options, code] of [
    [[], {}, 'ERR_INVALID_ARG_VALUE'],
    ['no url', {}, 'ERR_INVALID_URL'],
    ['http://a/?b', {}, 'ERR_INVALID_ARG_VALUE'],
    ['http://a', { balans: 'x' }, 'ERR_UNKNOWN_OPTION'],
    ['http://a', { balance: 'x' }, 'ERR_INVALID_ARG_VALUE'],
    ['http://a', { balance: { hash: { header: 'a b' } } }, 'ERR_INVALID_ARG_VALUE'],
    ['http://a', { trust: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['http://a', { host: 'a\r\nb' }, 'ERR_INVALID_ARG_VALUE'],
    ['http://a', { health: { path: 'x' } }, 'ERR_INVALID_ARG_VALUE'],
    ['http://a', { retries: -1 }, 'ERR_OUT_OF_RANGE'],
  ] as const) {
    expect([options, thrown(() => proxy(upstreams as never, options as never)).code]).toEqual([options, code]);
  }
});
