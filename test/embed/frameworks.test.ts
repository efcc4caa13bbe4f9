import { AsyncLocalStorage } from 'node:async_hooks';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CancelledError, current, Event, sleep, spawn } from 'stackful';
import { FRAMEWORKS, type Routes, type Running } from './frameworks.js';

const store = new AsyncLocalStorage<string>();

/** What the routes have seen. */
let seen: { name?: string; store?: string | undefined; left?: unknown } = {};
let hangs = new Event();

const routes: Routes = {
  answer(path) {
    return store.run('a store', () => {
      sleep(1);
      seen = { name: current()!.name, store: store.getStore() };
      return `answer to ${path}`;
    });
  },
  fail: function failingHandler() {
    sleep(1);
    throw new Error('a mistake');
  },
  hang() {
    try {
      hangs.set();
      sleep(60_000);
      return 'too late';
    } catch (error) {
      seen.left = error;
      throw error;
    }
  },
};

interface Answer {
  status: number;
  text: string;
}

function getByHttp2(port: number, path: string): Promise<Answer> {
  const session = connectHttp2(`http://127.0.0.1:${String(port)}`);
  return new Promise<Answer>((resolve, reject) => {
    const stream = session.request({ ':path': path }).on('error', reject).setEncoding('utf8');
    let status = 0;
    let text = '';
    stream.on('response', (headers) => { status = headers[':status']!; });
    stream.on('data', (part: string) => { text += part; });
    stream.on('end', () => { resolve({ status, text }); });
  }).finally(() => { session.close(); });
}

async function get(framework: string, port: number, path: string): Promise<Answer> {
  if (framework === 'node:http2') return getByHttp2(port, path);
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
  return { status: response.status, text: await response.text() };
}

/** Asks, and is gone when the handler has begun. */
async function askAndLeave(framework: string, port: number): Promise<void> {
  hangs = new Event();
  const begun = spawn(() => { hangs.wait(); });
  if (framework === 'node:http2') {
    const session = connectHttp2(`http://127.0.0.1:${String(port)}`);
    session.request({ ':path': '/hang' }).on('error', () => undefined).end();
    await begun;
    session.destroy();
  } else {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
    await begun;
    socket.destroy();
  }
}

describe.each(Object.keys(FRAMEWORKS))('%s', (framework) => {
  let running: Running;
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => { unhandled.push(error); };
  beforeAll(async () => {
    running = await FRAMEWORKS[framework]!(routes);
    process.on('unhandledRejection', onUnhandled);
  });
  afterAll(async () => {
    await running.close();
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it('answers with what a handler has waited for, in a coroutine with the name of the request', async () => {
    expect(await get(framework, running.port, '/page?q=1')).toEqual({ status: 200, text: expect.stringMatching(/^answer to \/page/) as string });
    expect(seen.name).toMatch(/^GET \/page/);
    expect(seen.store).toBe('a store');
  });

  it('takes its own way with what a handler throws, with its frames', async () => {
    const { status, text } = await get(framework, running.port, '/fail');
    expect(status).toBe(500);
    // Koa hides it.
    expect(text).toBe(framework === 'Koa' ? 'Internal Server Error' : 'a mistake');
    expect(running.errors).toEqual([expect.objectContaining({ message: 'a mistake' })]);
    expect((running.errors.pop() as Error).stack).toContain('failingHandler');
  });

  it('cancels the handler of a client that leaves, which is no error', async () => {
    seen = {};
    await askAndLeave(framework, running.port);
    for (let i = 0; i < 200 && seen.left === undefined; i++) await delay(5);
    expect(seen.left).toBeInstanceOf(CancelledError);
    expect((seen.left as CancelledError).reason).toBe('the client has left');
    await delay(5);
    expect(running.errors).toEqual([]);
  });
});
