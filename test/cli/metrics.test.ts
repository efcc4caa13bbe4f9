import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { figuresIn } from '../inspect/prometheus.js';
import { built, cli, served, type Run } from './program.js';

const REQUESTS = 'stackful_http_requests_total';

async function pageOf({ shows }: Run): Promise<() => Promise<Map<string, number>>> {
  const [, url] = await shows(/Metrics on (http:\S+)/);
  return async () => {
    const response = await fetch(url!);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    return figuresIn(await response.text());
  };
}

/** Reads the page until it is so; its counters never go down. */
async function until(page: () => Promise<Map<string, number>>, holds: (figures: Map<string, number>) => boolean): Promise<Map<string, number>> {
  let before = new Map<string, number>();
  for (;;) {
    const figures = await page();
    for (const [series, value] of before) {
      if (/_total\b/.test(series)) expect(figures.get(series) ?? -1, series).toBeGreaterThanOrEqual(value);
    }
    if (holds(figures)) return figures;
    before = figures;
    await delay(20);
  }
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** On a connection each, so that the kernel spreads them over workers. */
async function ask(url: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect((await fetch(url, { headers: { connection: 'close' } })).status).toBe(200);
}

describe.skipIf(!built)('stackful serve --metrics (needs dist/)', () => {
  it('tells the figures of one process, without the requests for them', async () => {
    const run = await served('--metrics', '0');
    const page = await pageOf(run);
    await ask(run.url, 5);
    const figures = await page();
    expect(figures.get(REQUESTS)).toBe(5);
    expect(figures.get('stackful_http_sent_bytes_total')).toBeGreaterThan(1000);
    expect((await page()).get(REQUESTS)).toBe(5);
  });

  it('tells the sums of all workers and the figures of each, through the death of one and a replacement of all', async () => {
    const run = await served('--workers', '2', '--metrics', '127.0.0.1:0');
    const page = await pageOf(run);
    await ask(run.url, 30);
    const places = ['0', '1'].map((worker) => `stackful_worker_http_requests_total{worker="${worker}"}`);
    const first = await until(page, (figures) => figures.get(REQUESTS) === 30);
    expect(places.map((place) => first.get(place)!).reduce((a, b) => a + b)).toBe(30);
    expect(['0', '1'].map((worker) => first.get(`stackful_worker_starts_total{worker="${worker}"}`))).toEqual([1, 1]);

    const [victim] = childrenOf(run.child.pid!);
    process.kill(victim!, 'SIGKILL');
    await run.shows(/has ended \(SIGKILL\)/);
    const starts = (figures: Map<string, number>) => ['0', '1'].map((worker) => figures.get(`stackful_worker_starts_total{worker="${worker}"}`)!).sort();
    const second = await until(page, (figures) => starts(figures).join() === '1,2');
    expect(second.get(REQUESTS)).toBe(30);
    await ask(run.url, 10);
    await until(page, (figures) => figures.get(REQUESTS) === 40);

    run.child.kill('SIGHUP');
    await run.shows(/Every worker has been replaced/);
    await ask(run.url, 10);
    const third = await until(page, (figures) => figures.get(REQUESTS) === 50);
    expect(starts(third)).toEqual([2, 3]);
    expect(places.map((place) => third.get(place)!).reduce((a, b) => a + b)).toBe(50);
  });

  it('is on the page of the inspector, too', async () => {
    const run = await served('--workers', '2', '--inspect', '0');
    const [, url] = await run.shows(/Inspector on (http:\S+)/);
    await ask(run.url, 6);
    const page = async () => figuresIn(await (await fetch(`${url!}/metrics`)).text());
    await until(page, (figures) => figures.get(REQUESTS) === 6);
  });

  it('says what is wrong', async () => {
    const { code, output } = await cli(['serve', '.', '--metrics', 'here']).ended;
    expect([code, /--metrics here: it must be a port up to 65535, or an address and a port/.test(output)]).toEqual([2, true]);
    const other = await cli(['serve', '.', '--port', '0', '--metrics', '192.0.2.1:9100']).ended;
    expect([other.code, /not an address of this machine/.test(other.output)]).toEqual([1, true]);
  });
});
