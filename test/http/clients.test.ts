import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Pool } from 'undici';
import { start, url } from './helpers.js';

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Runs a client program; its output when it ends. */
function run(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 45_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => { resolve({ code, output }); });
  });
}

const count = (output: string, pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? NaN);

describe('real clients, with counts that agree on both sides', () => {
  it.skipIf(!has('curl'))('curl (skipped where it is missing)', async () => {
    const server = start((request) => `${request.method} ${request.path} ${request.text()}`);
    const body = 'x'.repeat(200_000);
    const posted = await run('curl', ['-sS', '-d', body.slice(0, 100_000), url(server, '/p')]);
    expect(posted).toEqual({ code: 0, output: `POST /p ${body.slice(0, 100_000)}` });
    const chunked = await run('curl', ['-sS', '-H', 'Transfer-Encoding: chunked', '-d', 'in chunks', url(server, '/c')]);
    expect(chunked.output).toBe('POST /c in chunks');
    const several = await run('curl', ['-sS', url(server, '/1'), url(server, '/2')]);
    expect(several.output).toBe('GET /1 GET /2 ');
    expect(server.stats).toMatchObject({ requests: 4, accepted: 3 });
  });

  it.skipIf(!has('wrk'))('wrk (skipped where it is missing)', async () => {
    const server = start(() => 'x');
    const { output } = await run('wrk', ['-t1', '-c32', '-d1s', url(server)]);
    const answered = count(output, /(\d+) requests in/);
    expect(output).not.toMatch(/Socket errors|Non-2xx/);
    // At its end wrk leaves, with at most one request under way on each connection.
    expect(server.stats.requests - answered).toBeGreaterThanOrEqual(0);
    expect(server.stats.requests - answered).toBeLessThanOrEqual(32);
    expect(server.stats.accepted).toBeGreaterThanOrEqual(32);
  });

  it.skipIf(!has('h2load'))('h2load --h1 (skipped where it is missing)', async () => {
    const server = start(() => 'x');
    const { output } = await run('h2load', ['--h1', '-n2000', '-c20', url(server)]);
    expect(output).toMatch(/2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    expect(server.stats).toMatchObject({ requests: 2000, accepted: 20 });
  });

  it.skipIf(!has('ab')).each([['kept', ['-k'], 10], ['new', [], 1000]] as const)('ab, connections %s (skipped where it is missing)', async (_name, flags, connections) => {
    const server = start(() => 'x');
    const { output } = await run('ab', ['-q', ...flags, '-n1000', '-c10', url(server)]);
    expect(count(output, /Complete requests: +(\d+)/)).toBe(1000);
    expect(count(output, /Failed requests: +(\d+)/)).toBe(0);
    expect(server.stats.requests).toBe(1000);
    expect(server.stats.accepted).toBeGreaterThanOrEqual(connections);
  });

  it('undici, pipelining', async () => {
    const server = start((request) => request.path + request.text());
    const pool = new Pool(`http://127.0.0.1:${server.port}`, { connections: 4, pipelining: 8 });
    const asked = Array.from({ length: 500 }, async (_, i) => {
      const { statusCode, body } = await pool.request(i % 2 === 0 ? { path: `/${i}`, method: 'GET' } : { path: `/${i}`, method: 'POST', body: `:${i}` });
      expect(statusCode).toBe(200);
      return body.text();
    });
    expect(await Promise.all(asked)).toEqual(asked.map((_, i) => (i % 2 === 0 ? `/${i}` : `/${i}:${i}`)));
    expect(server.stats.requests).toBe(500);
    await pool.close();
  });

  it.skipIf(!has('chromium'))('Chromium (skipped where it is missing)', async () => {
    const page = `<!doctype html><title>t</title><body><script>
      Promise.all(Array.from({ length: 20 }, (_, i) => fetch('/echo', { method: 'POST', body: 'b' + i }).then((r) => r.text())))
        .then((all) => { document.body.textContent = 'got ' + all.join(','); });
    </script>`;
    const seen: string[] = [];
    const server = start((request) => {
      seen.push(request.path);
      if (request.path === '/echo') return request.text();
      return request.path === '/' ? { headers: { 'Content-Type': 'text/html' }, body: page } : { status: 404, body: '' };
    });
    const profile = mkdtempSync(join(tmpdir(), 'stackful-chromium-'));
    try {
      const flags = [
        '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
        '--disable-sync', '--disable-quic', '--disable-dev-shm-usage', `--user-data-dir=${profile}`, '--virtual-time-budget=5000', '--dump-dom',
      ];
      const { output } = await run('chromium', [...flags, url(server)]);
      expect(output).toContain(`got ${Array.from({ length: 20 }, (_, i) => `b${i}`).join(',')}`);
      expect(seen.filter((path) => path === '/echo')).toHaveLength(20);
      expect(server.stats.requests).toBe(seen.length);
    } finally {
      rmSync(profile, { recursive: true, force: true });
    }
  });
});
