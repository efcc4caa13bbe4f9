import { spawn as start, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { simulate } from 'stackful';
import { serve } from 'stackful/http';
import { hasBrowser, openBrowser, type Browser } from '../support/browser.js';

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const shop = program('../children/inspected_shop.mjs');
const cli = program('../../dist/cli.js');

interface Shop { child: ChildProcess; port: number; inspector: number; url: string }

async function openShop(...options: string[]): Promise<Shop> {
  const child = start(process.execPath, [shop, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const [port, inspector, url] = String(line).trim().split(' ');
  return { child, port: Number(port), inspector: Number(inspector), url: url! };
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** Requests, whose responses nobody may wait for. */
function ask(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    get({ port, path, agent }, (answer) => { answer.resume().on('end', resolve); }).on('error', () => { resolve(); });
  });
}

/** Asks again and again until it is told to stop. */
function load(port: number, path: string, clients = 4): () => Promise<unknown> {
  let over = false;
  const all = Array.from({ length: clients }, async () => { while (!over) await ask(port, path); });
  return () => {
    over = true;
    return Promise.all(all);
  };
}

describe.skipIf(!hasBrowser)('the page', () => {
  let server: Shop;
  let browser: Browser;
  beforeAll(async () => {
    server = await openShop('deadlock');
    browser = await openBrowser();
    await browser.page.goto(server.url);
    // One coroutine holds the lock for which all others wait.
    void ask(server.port, '/hold');
    await browser.page.locator('.point', { hasText: 'holdStock' }).waitFor();
    for (let i = 0; i < 60; i++) void ask(server.port, '/checkout');
  });
  afterAll(async () => {
    await browser?.close();
    server?.child.kill('SIGKILL');
    agent.destroy();
  });
  const point = (name: string, kind: string) => browser.page.locator('.point', { hasText: name }).filter({ hasText: kind });
  const tab = async (name: string) => { await browser.page.getByRole('tab', { name }).click(); };

  it('shows sixty connections that wait for one lock as one point with a 60', async () => {
    const { page } = browser;
    await page.getByRole('button', { name: /^60 coroutines parked at reserve, mutex.lock/ }).waitFor();
    expect(await point('reserve', 'mutex.lock').count()).toBe(1);
    expect(await point('reserve', 'mutex.lock').locator('text.badge').textContent()).toBe('60');
  });

  it('colours those that are in a deadlock, and only those', async () => {
    const { page } = browser;
    await page.getByRole('alert').getByText('Deadlock: ').waitFor();
    const red = page.locator('.point.deadlocked');
    expect(await red.locator('text.name').allTextContents()).toEqual(['lockBoth', 'lockBoth']);
    const fill = (of: ReturnType<typeof point>) => of.locator('rect').first().evaluate((rect) =>
      (globalThis as unknown as { getComputedStyle(of: unknown): { fill: string } }).getComputedStyle(rect).fill);
    // A point that is drawn anew in between has no colour.
    await expect.poll(() => fill(point('reserve', 'mutex.lock'))).toBe('rgb(255, 255, 255)');
    await expect.poll(() => fill(red.first())).toMatch(/^rgb\((?!255, 255, 255)/);
  });

  it('shows who waits at a point, with which stack, and who holds the lock', async () => {
    const { page } = browser;
    await point('reserve', 'mutex.lock').click();
    const details = page.getByLabel('coroutines of a blocking point');
    await details.getByText('60 coroutines with this stack').waitFor();
    const stack = await details.locator('pre').textContent();
    expect(stack).toMatch(/reserve \(.*inspected_shop\.mjs:\d+:\d+\)\ncheckout \(.*inspected_shop\.mjs/);
    expect(await details.getByText(/#\d+ GET \/hold: parked on sleep/).count()).toBe(1);
    expect(await details.locator('.members li').count()).toBe(60);
    expect(await details.locator('.bad').count()).toBe(0);
    await page.keyboard.press('Escape');
    await expect.poll(() => details.isVisible()).toBe(false);
  });

  it('is used with the keyboard, too', async () => {
    const { page } = browser;
    await point('reserve', 'mutex.lock').focus();
    await page.keyboard.press('Enter');
    const details = page.getByLabel('coroutines of a blocking point');
    await details.getByText('held by', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Blocking graph' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { selected: true }).textContent()).toBe('Queues');
    await page.keyboard.press('ArrowLeft');
    expect(await page.getByRole('tab', { selected: true }).textContent()).toBe('Blocking graph');
  });

  it('shows how often coroutines go from one point to another', async () => {
    const { page } = browser;
    const stop = load(server.port, '/orders/7');
    await point('showOrder', 'sleep').getByText(/\d\/s · waits/).waitFor();
    // How far it goes up depends on the machine.
    const rate = async () => Number.parseFloat((await point('showOrder', 'sleep').getByText(/\/s · waits/).textContent()) ?? '0');
    await expect.poll(rate, { timeout: 60_000 }).toBeGreaterThan(0);
    expect(await page.locator('.path title').allTextContents()).toEqual(expect.arrayContaining([expect.stringMatching(/\/s, runs .* after a wait of .* of CPU a second/)]));
    await tab('Latency');
    await page.getByRole('cell', { name: 'GET /orders/:id', exact: true }).waitFor();
    await page.getByLabel('distribution of the times of GET /orders/:id').waitFor();
    await stop();
  });

  it('shows queues with their lengths', async () => {
    const { page } = browser;
    await tab('Queues');
    const row = page.getByRole('row', { name: /^Mutex #\d+ stock mutex.lock 60/ });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/held by #\d+ GET \/hold/);
    expect(await page.getByRole('row', { name: /^Channel #\d+ jobs channel.send 3/ }).textContent()).toContain('capacity 4');
    for (const name of ['run queue', 'disk pool', `backlog of 127.0.0.1:${server.port}`]) {
      expect(await page.getByRole('row', { name: new RegExp(`^${name}`) }).count()).toBe(1);
    }
  });

  it('draws flame graphs of where coroutines wait and where code runs', async () => {
    const { page } = browser;
    const stop = load(server.port, '/compute');
    await tab('Flame graphs');
    await page.getByLabel('Where coroutines wait', { exact: true }).getByRole('button', { name: /^reserve inspected_shop/ }).first().waitFor();
    const running = page.getByLabel('Where code runs', { exact: true }).getByRole('button', { name: /^compute inspected_shop/ }).first();
    await running.waitFor();
    await stop();
  });

  it('draws charts, and lists coroutines', async () => {
    const { page } = browser;
    await tab('Over time');
    for (const title of ['Throughput', 'Memory', 'Stacks', 'Queues']) await page.getByRole('figure', { name: title }).locator('canvas').waitFor();
    await tab('Coroutines');
    await page.getByText('60 × GET /checkout').waitFor();
    await page.getByLabel('filter').fill('consumer');
    await page.getByText('GET /checkout').first().waitFor({ state: 'hidden' });
    expect(await page.locator('details').count()).toBe(1);
  });

  it('records a trace and gives it to the browser', async () => {
    const { page } = browser;
    await page.getByLabel('length of the trace').selectOption('1');
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Record' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/^stackful-trace-.*\.json$/);
    const { traceEvents } = JSON.parse(await readFile(await download.path(), 'utf8')) as { traceEvents: { ph: string; name: string; args?: { name?: string } }[] };
    expect(traceEvents.some(({ ph, args }) => ph === 'M' && /#\d+ producer 1/.test(args?.name ?? ''))).toBe(true);
    expect(traceEvents.some(({ ph, name }) => ph === 'X' && name === 'channel.send')).toBe(true);
    expect(traceEvents.some(({ ph, name }) => ph === 'X' && name === 'run')).toBe(true);
  });

  it('is light or dark, as the system is or the reader chooses', async () => {
    const { page } = browser;
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(ground).not.toBe(light);
    const button = page.getByRole('button', { name: /^colours: / });
    await button.click();
    expect([await button.textContent(), await ground()]).toEqual(['Light', light]);
    await page.emulateMedia({ colorScheme: 'light' });
    await button.click();
    expect(await button.textContent()).toBe('Dark');
    expect(await ground()).not.toBe(light);
    await page.reload();
    expect(await ground()).not.toBe(light);
  });

  it('fits into 900 pixels', async () => {
    const { page } = browser;
    await page.setViewportSize({ width: 900, height: 700 });
    for (const name of ['Blocking graph', 'Queues', 'Who runs next', 'Latency', 'Flame graphs', 'Over time', 'Coroutines']) {
      await tab(name);
      expect([name, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([name, true]);
    }
  });

  it('loads nothing from elsewhere, and complains about nothing', () => {
    expect(browser.complaints).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)('a page that may record requests', () => {
  it('gives a file from which the requests are answered again', async () => {
    const server = await openShop('recordings');
    const browser = await openBrowser();
    const { page } = browser;
    try {
      await page.goto(server.url);
      await page.getByRole('button', { name: 'Record requests' }).click();
      await page.getByRole('button', { name: 'Stop and save' }).waitFor();
      const fresh = new Agent();
      await Promise.all(['/orders/1', '/checkout'].map((path) => new Promise((resolve) => {
        get({ port: server.port, path, agent: fresh }, (answer) => { answer.resume().on('end', resolve); });
      })));
      fresh.destroy();
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Stop and save' }).click();
      const download = await downloading;
      expect(download.suggestedFilename()).toMatch(/^stackful-requests-.*\.trace$/);
      await page.getByRole('button', { name: 'Record requests' }).waitFor();
      const paths: string[] = [];
      await simulate({ replay: await download.path() }, () => {
        serve((request) => {
          paths.push(request.path);
          return 'another program';
        }, { host: '127.0.0.1' });
      }).catch((error: unknown) => { expect(error).toMatchObject({ cause: { code: 'ERR_REPLAY_DIVERGED' } }); });
      expect(['/orders/1', '/checkout']).toContain(paths[0]);
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
      server.child.kill('SIGKILL');
    }
  });

  it('is an option', async () => {
    const server = await openShop();
    const browser = await openBrowser();
    try {
      await browser.page.goto(server.url);
      await browser.page.getByText(`process ${server.child.pid}`).waitFor();
      expect(await browser.page.getByRole('button', { name: 'Record requests' }).count()).toBe(0);
      const refused = await fetch(new URL('/recording?do=start', server.url), { method: 'POST' });
      expect([refused.status, await refused.text()]).toEqual([403, 'inspect({ recordings: true }) allows that\n']);
    } finally {
      await browser.close();
      server.child.kill('SIGKILL');
    }
  });
});

describe.skipIf(!hasBrowser)('a page that not everybody may see', () => {
  it('asks for the token, takes it once, and hides it', async () => {
    const server = await openShop('token');
    const browser = await openBrowser({ hosts: 'MAP rebound.example 127.0.0.1' });
    const { page } = browser;
    try {
      const bare = `http://127.0.0.1:${server.inspector}/`;
      expect((await page.goto(bare))!.status()).toBe(401);
      expect((await page.goto(server.url))!.status()).toBe(200);
      expect(new URL(page.url()).search).toBe('');
      await page.getByText(`process ${server.child.pid}`).waitFor();
      expect((await page.goto(bare))!.status()).toBe(200);
      expect((await page.goto(`http://rebound.example:${server.inspector}/`))!.status()).toBe(403);
      expect(await page.evaluate('document.cookie')).toBe('');
    } finally {
      await browser.close();
      server.child.kill('SIGKILL');
    }
  });
});

describe.skipIf(!hasBrowser)('the page of several workers', () => {
  it('shows them side by side, and each', async () => {
    const child = start(process.execPath, [cli, 'serve', program('../../examples/site'), '--port', '0', '--workers', '2', '--inspect', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    const browser = await openBrowser();
    try {
      await expect.poll(() => output, { timeout: 60_000 }).toMatch(/Inspector on [^]*Knot serves/);
      const { page } = browser;
      await page.goto(/Inspector on (\S+)/.exec(output)![1]!);
      await page.getByRole('tab', { name: 'Workers' }).click();
      const rows = page.getByRole('table', { name: 'workers' }).locator('tbody tr');
      await expect.poll(() => rows.count(), { timeout: 60_000 }).toBe(3);
      const [one, two, all] = await rows.locator('td:first-child').allTextContents();
      expect(all).toBe('all');
      await page.getByLabel('the worker that is shown').selectOption(two!);
      await page.getByText(`process ${two}`).waitFor();
      await page.getByLabel('the worker that is shown').selectOption(one!);
      await page.getByText(`process ${one}`).waitFor();
      await page.getByRole('tab', { name: 'Blocking graph' }).click();
      await page.locator('.point', { hasText: 'next connection' }).waitFor();
    } finally {
      await browser.close();
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  });
});
