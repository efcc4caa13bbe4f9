/**
 * Packages that make a synchronous call of an asynchronous one, by a worker or by another process. Each asks a server in this thread:
 * where its call blocks the thread, it waits for ever.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import makeSynchronous from 'make-synchronous';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

import { runChild } from '../support/child.js';

const require = createRequire(import.meta.url);

let server: Server;
let url = '';
beforeAll(async () => {
  server = createServer((request, response) => {
    setTimeout(() => {
      if (request.url === '/none') response.statusCode = 404;
      response.end(`page ${request.url!}`);
    }, 5);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as { port: number }).port)}`;
});
afterAll(() => { server.close(); });
beforeEach(() => { patch({ atomics: true, child_process: true }); });
afterEach(unpatch);

const load = <T>(name: string): T => require(name) as T;

/** The text of a page, by each package. They are loaded when they are used, which is after `patch`. */
const clients: Readonly<Record<string, () => (page: string) => string>> = {
  'sync-fetch': () => {
    const fetchSync = load<(from: string) => { text: () => string }>('sync-fetch');
    return (page) => fetchSync(page).text();
  },
  'make-synchronous': () => makeSynchronous(async (page: string) => (await fetch(page)).text()),
  'sync-threads': () => {
    const { createSyncFn } = load<{ createSyncFn: (path: string) => (input: object) => string }>('sync-threads');
    const worker = fileURLToPath(new URL('./answer_worker.cjs', import.meta.url));
    // One each: of sync-threads 1.0.1 a function answers all calls with the answer to its first.
    return (page) => createSyncFn(worker)({ url: page });
  },
  'shelljs, with curl': () => {
    const { exec } = load<{ exec: (command: string, options: object) => string }>('shelljs');
    return (page) => String(exec(`curl -s ${page}`, { silent: true }));
  },
};

describe.each(Object.keys(clients))('%s', (name) => {
  it('waits in its coroutine, while others run', { timeout: 60_000 }, async () => {
    const get = clients[name]!();
    let ticks = 0;
    let over = false;
    const neighbour = spawn(() => {
      for (; !over; ticks++) sleep(1);
    });
    const pages = await Promise.all(['/a', '/b', '/c'].map((page) => spawn(() => get(url + page)).promise));
    over = true;
    await neighbour;
    expect(pages).toEqual(['page /a', 'page /b', 'page /c']);
    expect(ticks).toBeGreaterThan(3);
  });
});

it('what they throw comes out', async () => {
  const fail = makeSynchronous((what: string) => { throw new RangeError(what); });
  await expect(spawn(() => fail('no such thing')).promise).rejects.toThrow('no such thing');
});

it('sync-request waits in its coroutine, for a server of sync-rpc that it starts', { timeout: 60_000 }, async () => {
  expect(await runChild('sync_request.mjs')).toEqual({ exit: 0, stdout: 'page /a,page /b,page /c 404 true\n', stderr: '' });
});
