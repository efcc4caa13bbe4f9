/** Pages of jsdom whose scripts wait: synchronous XMLHttpRequest, functions of the embedder's, listeners. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
// @ts-expect-error -- its types would make those of browsers known to all tests
import { JSDOM } from 'jsdom';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { current, CancelledError, sleep, spawn } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

let server: Server;
let url = '';
beforeAll(async () => {
  // In this process: a call that blocks the thread would wait for it in vain.
  server = createServer((request, response) => { setTimeout(() => { response.end(`page ${request.url!}`); }, 5); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as { port: number }).port)}/`;
});
afterAll(() => { server.close(); });

/** What the tests use of one. */
interface Page {
  [name: string]: any;
}
let window: Page;
beforeEach(() => { ({ window } = new JSDOM('<ul id=list><li><button id=button></button></li></ul>', { url, runScripts: 'dangerously' })); });
afterEach(() => { window.close(); });

describe('synchronous XMLHttpRequest', () => {
  afterEach(unpatch);

  it('waits in its coroutine, for a server of the same thread', async () => {
    patch({ atomics: true });
    window.eval(`function load(path) {
      const request = new XMLHttpRequest();
      request.open('GET', path, false);
      request.send();
      return request.status + ' ' + request.responseText;
    }`);
    const loads = ['a', 'b', 'c'].map((path) => spawn(() => window.eval(`load('${path}')`) as string));
    expect(await Promise.all(loads.map(({ promise }) => promise))).toEqual(['200 page /a', '200 page /b', '200 page /c']);
  });
});

describe('scripts', () => {
  it('call functions that wait, each in its coroutine', async () => {
    window.nap = (ms: number) => {
      sleep(ms);
      return current()!.name;
    };
    const scripts = [3, 2, 1].map((n) => spawn(() => window.eval(`[1, 2].map((i) => nap(${String(n)}) + i).join()`) as string, { name: `c${String(n)}` }));
    expect(await Promise.all(scripts.map(({ promise }) => promise))).toEqual(['c31,c32', 'c21,c22', 'c11,c12']);
  });

  it('that are cancelled end, through the frames of the page', async () => {
    let ended = false;
    window.nap = sleep;
    window.done = () => { ended = true; };
    const script = spawn(() => { window.eval('try { nap(60000) } finally { done() }'); });
    await spawn(() => { sleep(2); });
    script.cancel();
    await expect(script.promise).rejects.toBeInstanceOf(CancelledError);
    expect(ended).toBe(true);
  });
});

it('listeners wait in the middle of a dispatch, which goes on afterwards', async () => {
  const order: string[] = [];
  const { document } = window;
  const button = document.getElementById('button')!;
  for (const [name, target] of [['button', button], ['list', document.getElementById('list')!], ['window', window]] as const) {
    target.addEventListener('click', (event: Event) => {
      sleep(2);
      order.push(`${current()!.name} at ${name}, phase ${String(event.eventPhase)}`);
    });
  }
  const clicks = ['first', 'second'].map((name) => spawn(() => button.dispatchEvent(new window.Event('click', { bubbles: true })), { name }));
  for (const click of clicks) expect(await click).toBe(true);
  for (const name of ['first', 'second']) {
    expect(order.filter((line) => line.startsWith(name))).toEqual([`${name} at button, phase 2`, `${name} at list, phase 3`, `${name} at window, phase 3`]);
  }
});
