import { spawn as start, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { hasBrowser, openBrowser, type Browser } from '../support/browser.js';
import { runChild } from '../support/child.js';

const program = fileURLToPath(new URL('../children/inspected_policies.mjs', import.meta.url));

async function open(): Promise<{ child: ChildProcess; url: string; put: (line: string) => void }> {
  const child = start(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { child, url: String(line).trim(), put: (policy) => { child.stdin.write(`${policy}\n`); } };
}

interface Shown {
  policy: string;
  policyName: string;
  ready: number;
  next: { id: number; name: string; reason: string; readyFor: number; after: string }[];
  groups: { name: string; weight: number; ran: number }[];
  lowImportance: { name: string; state: string }[];
}

describe('who runs next, without a page', () => {
  it('is data, and a text', async () => {
    const { child, url, put } = await open();
    try {
      put('priority');
      const ask = async () => (await (await fetch(new URL('/next.json', url))).json()) as Shown;
      await expect.poll(async () => (await ask()).policy, { timeout: 30_000 }).toBe('priority');
      const shown = await ask();
      expect(shown.next.length).toBeGreaterThan(0);
      expect(shown.next.every(({ name }) => /^(paid|free) \d$|^indexer$/.test(name))).toBe(true);
      expect(shown.groups.map(({ name }) => name).sort()).toEqual(['free tenant', 'paying tenant']);
      expect(shown.lowImportance).toEqual([expect.objectContaining({ name: 'indexer' })]);
      const text = await (await fetch(new URL('/next', url))).text();
      expect(text).toMatch(/^policy: priority; ready: \d+\n1\. #\d+ (?:(?:paid|free) \d|indexer): /);
      expect(text).toMatch(/^group paying tenant: weight 3, has run for /m);
      expect(text).toMatch(/^low importance #\d+ indexer: /m);
      const printed = await runChild('../../dist/cli.js', ['inspect', new URL(url).port, 'next']);
      expect(printed.stdout).toMatch(/^policy: priority; ready: \d+\n/);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe.skipIf(!hasBrowser)('the view "Who runs next"', () => {
  let server: Awaited<ReturnType<typeof open>>;
  let browser: Browser;
  beforeAll(async () => {
    server = await open();
    browser = await openBrowser();
    await browser.page.goto(server.url);
    await browser.page.getByRole('tab', { name: 'Who runs next' }).click();
  });
  afterAll(async () => {
    await browser?.close();
    server?.child.kill('SIGKILL');
  });
  const rows = () => browser.page.getByRole('table', { name: 'who runs next' }).locator('tbody tr');
  const policy = async (name: string) => {
    server.put(name);
    await browser.page.getByText(`Policy in force: ${name === 'own' ? 'OldestTenantFirst' : name}.`).waitFor();
  };
  /** One after the other, what the rows say why. */
  const reasons = async () => (await rows().locator('td:nth-child(3)').allTextContents());

  it('names the policy in force, and lists who runs next, with why', async () => {
    const { page } = browser;
    await page.getByText('Policy in force: fifo. Next is the coroutine that has been ready for longest.').waitFor();
    await expect.poll(() => rows().count()).toBeGreaterThan(2);
    const [first] = await rows().allTextContents();
    expect(first).toMatch(/^1#\d+ (?:(?:paid|free) \d|indexer)(has been ready for \d+ms|has just become ready)/);
    expect((await reasons()).every((reason) => /^has (been ready for \d+ms|just become ready)$/.test(reason))).toBe(true);
    await page.getByText(/^\d coroutines were ready at this moment/).waitFor();
  });

  it('says why under each policy', async () => {
    await policy('priority');
    await expect.poll(reasons).toEqual(expect.arrayContaining(['its priority is normal', 'its priority is low']));
    const all = await reasons();
    expect(all.indexOf('its priority is normal')).toBeLessThan(all.indexOf('its priority is low'));

    await policy('bvt');
    await browser.page.getByText('Borrowed-Virtual-Time scheduling').waitFor();
    await expect.poll(reasons).toEqual(expect.arrayContaining([
      expect.stringMatching(/^group paying tenant: virtual time [\d.]+m?s, weight 3/),
      expect.stringMatching(/^group free tenant: virtual time [\d.]+m?s, weight 1/),
    ]));

    await policy('srpt');
    await expect.poll(reasons).toEqual(expect.arrayContaining([
      expect.stringMatching(/^[\d.]+ms of work are left, as expectWork told; it has had [\d.]+m?s and waited [\d.]+m?s$/),
    ]));

    await policy('connections');
    await expect.poll(reasons).toEqual(expect.arrayContaining(['it serves, which goes before accepting']));

    await policy('own');
    await expect.poll(reasons).toEqual(expect.arrayContaining(['held by OldestTenantFirst, which decides when it runs']));
  });

  it('shows how the groups share the time', async () => {
    const { page } = browser;
    await policy('bvt');
    const ofGroup = (name: string, column: number) =>
      page.getByRole('table', { name: 'groups' }).getByRole('row', { name: new RegExp(`^${name}`) }).locator(`td:nth-child(${column})`).textContent();
    await expect.poll(() => ofGroup('paying tenant', 2)).toBe('3');
    await expect.poll(async () => Number.parseFloat((await ofGroup('paying tenant', 4))!), { timeout: 60_000 }).toBeGreaterThan(60);
    expect(await ofGroup('paying tenant', 3)).toMatch(/^[\d.]+ m?s$/);
    await page.getByLabel('share of paying tenant over time').waitFor();
  });

  it('shows what regulation has suspended, for how long, and its progress', async () => {
    const { page } = browser;
    await policy('fifo');
    const row = page.getByRole('table', { name: 'low importance' }).getByRole('row', { name: /#\d+ indexer/ });
    // It has learned its rate.
    await expect.poll(() => row.locator('td:nth-child(4)').textContent(), { timeout: 60_000 }).toMatch(/^[\d.]+\/s$/);
    server.put('slow');
    await row.getByText(/^suspended by regulation for [\d.]+ (µs|m?s) of [\d.]+ m?s, because it was slow$/).waitFor({ timeout: 60_000 });
    const [rate, target] = await Promise.all([3, 4].map(async (column) => Number.parseFloat((await row.locator(`td:nth-child(${column})`).textContent())!)));
    expect(rate!).toBeLessThan(target!);
  });

  it('fits into 900 pixels, and complains about nothing', async () => {
    const { page } = browser;
    await page.setViewportSize({ width: 900, height: 700 });
    await expect.poll(() => rows().count()).toBeGreaterThan(2);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(browser.complaints).toEqual([]);
  });
});
