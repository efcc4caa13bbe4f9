import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { Channel, coroutines, sleep, spawn } from 'stackful';
import { eventStream, setCookie, type EventSource, type EventStreamOptions, type ServerSentEvent } from 'stackful/http';
import { open, start, until, url } from './helpers.js';

const bodyOf = async (source: () => EventSource, options?: EventStreamOptions) => {
  const server = start(() => eventStream(source(), options));
  const response = await fetch(url(server));
  return { text: await response.text(), response, server };
};

describe('eventStream', () => {
  it.each<[string, () => EventSource]>([
    ['a list', () => ['a', 'b']],
    ['a generator', function* () { yield 'a'; sleep(1); yield 'b'; }],
    ['an asynchronous generator', async function* () { yield 'a'; await Promise.resolve(); yield 'b'; }],
    ['a closed channel', () => {
      const channel = new Channel<string>(2);
      channel.trySend('a');
      channel.trySend('b');
      channel.close();
      return channel;
    }],
  ])('sends what comes from %s', async (_name, source) => {
    const { text, response, server } = await bodyOf(source);
    expect(text).toBe(':\n\ndata: a\n\ndata: b\n\n');
    expect([response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual(['text/event-stream', 'no-store']);
    expect(server.errors).toEqual([]);
  });

  it('writes every field, and data of several lines', async () => {
    const events: ServerSentEvent[] = [{ data: 'a\nb\r\nc\rd', event: 'news', id: '7', retry: 1000.4 }, { data: { n: 1 } }, { data: '' }];
    expect((await bodyOf(() => events)).text).toBe(
      ':\n\nevent: news\nid: 7\nretry: 1000\ndata: a\ndata: b\ndata: c\ndata: d\n\ndata: {"n":1}\n\ndata: \n\n',
    );
  });

  it.each<[string, unknown]>([
    ['an id with a line end', { data: 'x', id: 'a\nb' }],
    ['a name with a line end', { data: 'x', event: 'a\r' }],
    ['data without JSON', { data: undefined }],
    ['a negative retry', { data: 'x', retry: -1 }],
  ])('ends with an error at %s', async (_name, event) => {
    const server = start(() => eventStream(['first', event as ServerSentEvent]));
    await expect(fetch(url(server)).then((response) => response.text())).rejects.toThrow();
    expect(server.errors).toHaveLength(1);
  });

  it('ends with the error of its source', async () => {
    const failure = new Error('no news');
    const server = start(() => eventStream((function* () {
      yield 'a';
      throw failure;
    })()));
    await expect(fetch(url(server)).then((response) => response.text())).rejects.toThrow();
    expect(server.errors).toEqual([failure]);
  });

  it('sends comments while no event comes', async () => {
    const channel = new Channel<string>();
    const server = start(() => eventStream(channel, { heartbeat: 1 }));
    const response = await fetch(url(server));
    let text = '';
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    while (!text.includes(':\n\n:\n\n:\n\n')) text += (await reader.read()).value!;
    void spawn(() => {
      channel.send('at last');
      channel.close();
    });
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    expect(text).toMatch(/data: at last\n\n(:\n\n)*$/);
  });

  it('ends a generator when the client leaves, while it waits', async () => {
    let ended = false;
    const before = coroutines().length;
    const server = start(() => eventStream((function* () {
      try {
        yield 'a';
        sleep(1e6);
      } finally {
        ended = true;
      }
    })(), { heartbeat: Infinity }), { limits: { halfClose: 0 } });
    const socket = await open(server);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await until(() => ended);
    await server.close({ deadline: 0 });
    await until(() => coroutines().length <= before);
    expect(server.errors).toEqual([]);
  });

  it('leaves a channel open when the client leaves', async () => {
    const channel = new Channel<string>();
    const server = start(() => eventStream(channel), { limits: { halfClose: 0 } });
    const socket = await open(server);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await until(() => server.stats.connections === 0);
    expect(channel.closed).toBe(false);
    await spawn(() => {
      const other = spawn(() => channel.receive());
      channel.send('for the next');
      expect(other.join()).toBe('for the next');
    });
  });

  it('refuses what it cannot send', () => {
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    expect(() => eventStream(5 as never)).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => eventStream([], { beat: 1 } as object)).toThrow(wrong('ERR_UNKNOWN_OPTION'));
    expect(() => eventStream([], { heartbeat: 0 })).toThrow(wrong('ERR_OUT_OF_RANGE'));
  });
});

describe('cookies', () => {
  it('come in decoded, and go out guarded', async () => {
    const server = start((request) => ({
      headers: { 'Set-Cookie': [setCookie('a', 'x; y'), setCookie('b', '', { maxAge: 0, path: '/b', httpOnly: false, secure: false, sameSite: 'strict' })] },
      body: { ...request.cookies },
    }));
    const response = await fetch(url(server), { headers: { cookie: 'a=x%3B%20y; b=q; c=%zz; __proto__=1' } });
    expect(await response.json()).toEqual(Object.assign(JSON.parse('{"__proto__":"1"}') as object, { a: 'x; y', b: 'q', c: '%zz' }));
    expect(response.headers.getSetCookie()).toEqual([
      'a=x%3B%20y; Path=/; HttpOnly; Secure; SameSite=Lax',
      'b=; Max-Age=0; Path=/b; SameSite=Strict',
    ]);
  });

  it('are refused when they cannot be written', () => {
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    expect(() => setCookie('a b', 'x')).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => setCookie('a', 5 as never)).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => setCookie('a', 'x', { path: '/\n' })).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => setCookie('a', 'x', { maxage: 1 } as object)).toThrow(wrong('ERR_UNKNOWN_OPTION'));
  });
});
