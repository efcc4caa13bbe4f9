import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer, IncomingMessage, type Server } from 'node:http';
import express from 'express';
// @ts-expect-error -- the types are those of version 5
import express4 from 'express-4';
import { afterEach, describe, expect, it } from 'vitest';

import { CancelledError, current, sleep, TimeoutError } from 'stackful';
import { coroutine } from 'stackful/embed';

const servers: Server[] = [];
afterEach(() => { for (const server of servers.splice(0)) server.close(); });

async function listening(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as { port: number }).port)}`;
}

describe('coroutine', () => {
  it('gives what it is called with, and what the function returns or throws', async () => {
    const add = coroutine(function (this: { base: number }, a: number, b: number) {
      sleep(1);
      return this.base + a + b;
    });
    expect(await add.call({ base: 1 }, 2, 3)).toBe(6);
    expect(add.call({ base: 1 }, 2, 3)).toBeInstanceOf(Promise);
    await expect(coroutine(() => { throw new RangeError('no'); })()).rejects.toThrow(new RangeError('no'));
    expect(await coroutine(() => Promise.resolve(7))()).toBe(7);
  });

  it('has the name and the length of the function', () => {
    const handler = coroutine(function onError(_error: unknown, _request: unknown, _response: unknown, _next: unknown) { return 1; });
    expect([handler.name, handler.length]).toEqual(['onError', 4]);
  });

  it('takes the options of spawn, and a time limit', async () => {
    expect(await coroutine(() => current()!.name, { name: 'a name' })()).toBe('a name');
    expect(await coroutine(function named() { return current()!.name; })()).toBe('named');
    await expect(coroutine(() => { sleep(60_000); }, { timeout: 5 })()).rejects.toBeInstanceOf(TimeoutError);
    expect(() => coroutine(1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => coroutine(() => 1, { timout: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringContaining("'timeout'") as string }));
    expect(() => coroutine(() => 1, { timeout: '1' } as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => coroutine(() => 1, { timeout: -1 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });

  it('calls no getter of its arguments', async () => {
    const touchy = { get req() { throw new Error('read'); }, get raw() { throw new Error('read'); }, get res() { throw new Error('read'); } };
    expect(await coroutine((value: object) => Object.keys(value))(touchy)).toEqual(['req', 'raw', 'res']);
  });

  it('does not take a request without its response for a client', async () => {
    const request = new IncomingMessage(null as never);
    expect(await coroutine(function alone(_request: unknown) { return current()!.name; })(request)).toBe('alone');
  });

  it('ends with its Request, and answers 499 then', async () => {
    const leaving = new AbortController();
    const handle = coroutine((request: Request) => {
      expect(current()!.name).toBe(`GET ${new URL(request.url).pathname}`);
      sleep(60_000);
      return new Response('late');
    });
    const answer = handle(new Request('http://a/b', { signal: leaving.signal }));
    setTimeout(() => { leaving.abort(); }, 5);
    expect((await answer).status).toBe(499);
    expect((await handle(new Request('http://a/b', { signal: AbortSignal.abort() }))).status).toBe(499);
  });

  it('ends with the signal, or the request, among its options', async () => {
    const leaving = new AbortController();
    const seen: unknown[] = [];
    const handle = coroutine(function load(_options: object): unknown {
      seen.push(current()!.name);
      try {
        return sleep(60_000);
      } catch (error) {
        seen.push((error as CancelledError).reason);
        throw error;
      }
    });
    const { signal } = leaving;
    const answers = [{ signal }, { signal, path: 'user.byId' }, { request: new Request('http://a/b', { signal }), params: {} }].map((options) => handle(options));
    const why = new Error('nobody asks any more');
    setTimeout(() => { leaving.abort(why); }, 5);
    await expect(answers[0]).rejects.toBe(why);
    await expect(answers[1]).rejects.toBe(why);
    expect((await answers[2] as Response).status).toBe(499);
    expect(seen.slice(0, 3)).toEqual(['load', 'user.byId', 'GET /b']);
    expect(new Set(seen.slice(3))).toEqual(new Set([why, why, 'the client has left']));
    await expect(handle({ signal: AbortSignal.abort(why) })).rejects.toBe(why);
  });

  it('leaves no listener on a signal that outlives it', async () => {
    const { signal } = new AbortController();
    const request = new Request('http://a/b');
    const handle = coroutine((_options: object) => { sleep(1); });
    await Promise.all(Array.from({ length: 20 }, (_, i) => handle(i % 2 === 0 ? { signal } : request)));
    expect([signal, request.signal].map((one) => getEventListeners(one, 'abort').length)).toEqual([0, 0]);
  });

  it('throws on a cancellation of other origin', async () => {
    const handle = coroutine((_request: Request) => {
      current()!.cancel('mine');
      sleep(1);
    });
    await expect(handle(new Request('http://a/b'))).rejects.toBeInstanceOf(CancelledError);
  });
});

describe.each([['5', express], ['4', express4 as unknown as typeof express]] as const)('in Express %s', (_version, make) => {
  it('an error that is false is an error', async () => {
    const app = make();
    const errors: unknown[] = [];
    app.use(coroutine(() => { throw undefined; }));
    app.use(() => { errors.push('the next handler'); });
    app.use((error: unknown, _request: unknown, response: { status(code: number): { end(): void } }, _next: unknown) => {
      errors.push(error);
      response.status(500).end();
    });
    expect((await fetch(await listening(app))).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ message: 'a handler threw undefined' })]);
  });

  it('a handler of errors may wait, and fail', async () => {
    const app = make();
    app.use(() => { throw new Error('first'); });
    app.use(coroutine((error: Error, _request: unknown, _response: unknown, _next: unknown) => {
      sleep(1);
      throw new Error(`second after ${error.message}`);
    }));
    app.use((error: Error, _request: unknown, response: { status(code: number): { send(text: string): void } }, _next: unknown) => {
      response.status(503).send(error.message);
    });
    const response = await fetch(await listening(app));
    expect([response.status, await response.text()]).toEqual([503, 'second after first']);
  });
});

it("hands a listener's failure to an emitter that captures rejections", async () => {
  const emitter = new EventEmitter({ captureRejections: true });
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the emitter takes it
  emitter.on('work', coroutine(() => {
    sleep(1);
    throw new Error('lost no more');
  }));
  const failed = new Promise((resolve) => { emitter.once('error', resolve); });
  emitter.emit('work');
  expect(await failed).toMatchObject({ message: 'lost no more' });
});
