// What could end the process, or hold it up, runs in a child.
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { haveOpenssl, ordinary } from '../../tls/certificates.js';
import { start } from '../helpers.js';

const run = promisify(execFile);
const children = fileURLToPath(new URL('../../children/', import.meta.url));
const chromium = spawnSync('sh', ['-c', 'command -v chromium']).stdout.toString().trim();

describe('the end of a thread that speaks HTTP/2', () => {
  it('comes in the middle of streams, of workers and of the process', async () => {
    const { stdout } = await run(process.execPath, [`${children}http2_ends.mjs`], { timeout: 60_000, killSignal: 'SIGKILL' });
    expect(stdout).toBe('ended\n');
  });
});

describe.skipIf(chromium === '' || !haveOpenssl)('Chromium (skipped where it is missing)', () => {
  it('speaks HTTP/2 with a page and what that fetches', async () => {
    const script = `
      Promise.all(Array.from({ length: 20 }, (_, i) => fetch('/part/' + i, { method: 'POST', body: 'x'.repeat(1000) }).then((r) => r.text())))
        .then((texts) => { document.title = 'got ' + texts.join('').length + ' over ' + performance.getEntriesByType('navigation')[0].nextHopProtocol; });`;
    const server = start((request) => {
      if (request.path.startsWith('/part/')) return request.text();
      return { headers: { 'Content-Type': 'text/html' }, body: `<!doctype html><title>none</title><script>${script}</script>` };
    }, { http2: true, tls: ordinary().server });
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors', '--virtual-time-budget=10000', '--dump-dom'];
    const { stdout } = await run(chromium, [...flags, `https://127.0.0.1:${server.port}/`], { timeout: 60_000, killSignal: 'SIGKILL' });
    expect(stdout).toContain('<title>got 20000 over h2</title>');
    expect(server.errors).toEqual([]);
  });
});
