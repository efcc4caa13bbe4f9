import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { exchange, get, open, start, until, url } from './helpers.js';

const LINKS = { Link: ['</style.css>; rel=preload; as=style', '</app.js>; rel=preload; as=script'] };

describe('request.earlyHints', () => {
  it('arrives before the response', async () => {
    let hinted = false;
    const server = start((request) => {
      request.earlyHints(LINKS);
      while (!hinted) sleep(1);
      return 'page';
    });
    const client = httpRequest(url(server)).end();
    client.on('information', (info: { statusCode: number; headers: { link?: string } }) => {
      expect([info.statusCode, info.headers.link]).toEqual([103, LINKS.Link.join(', ')]);
      hinted = true;
    });
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    expect([response.statusCode, await response.setEncoding('utf8').toArray()]).toEqual([200, ['page']]);
    expect(server.errors).toEqual([]);
  });

  it('is written in order with pipelined responses and several hints, and fetch skips it', async () => {
    const server = start((request) => {
      if (request.path === '/hint') for (const name of ['a', 'b']) request.earlyHints([['Link', `</${name}>`]]);
      return { headers: { 'Content-Length': '2' }, body: request.path === '/hint' ? 'hi' : 'no' };
    });
    const text = await exchange(server, get('/') + get('/hint') + get('/'));
    expect(text.replaceAll(/(?:Date|Content-Type|Connection): .*\r\n/g, '').split('\r\n')).toEqual([
      'HTTP/1.1 200 OK', 'Content-Length: 2', '', 'noHTTP/1.1 103 Early Hints', 'Link: </a>', '', 'HTTP/1.1 103 Early Hints', 'Link: </b>', '',
      'HTTP/1.1 200 OK', 'Content-Length: 2', '', 'hiHTTP/1.1 200 OK', 'Content-Length: 2', '', 'no',
    ]);
    expect(await (await fetch(url(server, '/hint'))).text()).toBe('hi');
  });

  it('goes before a streamed response and after a body that was waited for', async () => {
    const server = start((request) => {
      const body = request.text();
      request.earlyHints(LINKS);
      return { body: [body, '!'] };
    });
    const response = await fetch(url(server), { method: 'POST', body: 'sent' });
    expect(await response.text()).toBe('sent!');
  });

  it('sends nothing to HTTP/1.0, refuses what is no header, and is over with the request', async () => {
    let kept: { earlyHints(headers: object): void } | undefined;
    const server = start((request) => {
      kept = request;
      request.earlyHints(LINKS);
      return 'page';
    });
    expect(await exchange(server, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(() => { kept!.earlyHints({}); }).toThrow(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_OVER' }) as Error);
    const wrong = start((request) => (request.earlyHints({ 'X-A': 'a\nb' }), 'page'));
    expect((await fetch(url(wrong))).status).toBe(500);
  });

  it('ends with a client that has left', async () => {
    let hints = 0;
    const server = start((request) => {
      for (;;) {
        request.earlyHints(LINKS);
        hints++;
        sleep(1);
      }
    }, { limits: { halfClose: 0 } });
    const socket = await open(server);
    socket.write(get('/'));
    await until(() => hints > 0);
    socket.destroy();
    await server.close();
    expect(server.errors).toEqual([]);
  });
});

it('request.earlyHints arrives before the response over HTTP/2, too', async () => {
  const server = start((request) => {
    request.earlyHints(LINKS);
    return 'page';
  }, { http2: true });
  const client = connect(`http://127.0.0.1:${String(server.port)}`);
  const stream = client.request({ ':path': '/' });
  const [hints] = (await once(stream, 'headers')) as [Record<string, unknown>];
  expect([hints[':status'], hints.link]).toEqual([103, LINKS.Link.join(', ')]);
  expect(await stream.setEncoding('utf8').toArray()).toEqual(['page']);
  client.close();
});
