// Real clients, over TLS and with prior knowledge, with counts that agree on both sides.
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { staticFiles, type Handler, type ServeOptions } from 'stackful/http';
import { haveOpenssl, ordinary } from '../../tls/certificates.js';
import { temporaryDirectory } from '../../net/peers.js';
import { start } from '../helpers.js';
import { ask, session } from './peers.js';

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const curlSpeaksIt = has('curl') && spawnSync('curl', ['--version']).stdout.toString().includes('HTTP2');

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

const secure = (handler: Handler, options: ServeOptions = {}) => start(handler, { http2: true, ...options, tls: { ...ordinary().server, ...options.tls } });
const plain = (handler: Handler) => start(handler, { http2: true });

describe.skipIf(!haveOpenssl)('HTTP/2 over TLS', () => {
  it('is spoken with clients that want it, and HTTP/1.1 with the others', async () => {
    const server = secure((request) => `${request.httpVersion} ${String(request.tls!.alpnProtocol)} ${request.tls!.protocol}`);
    const { cert: ca } = ordinary().authority;
    const client = session(server, { ca });
    expect((await ask(client, '/')).body).toBe('2.0 h2 TLSv1.3');
    expect((await ask(client, '/')).body).toBe('2.0 h2 TLSv1.3');
    if (!has('curl')) return;
    const args = ['-sS', '--cacert', ordinary().authority.file('h2-ca.pem', ca), '--resolve', `localhost:${server.port}:127.0.0.1`];
    const { output } = await run('curl', [...args, '--http1.1', `https://localhost:${server.port}/`]);
    expect(output).toBe('1.1 http/1.1 TLSv1.3');
  });

  it('is not spoken without the option, nor when ALPNProtocols leaves it out', async () => {
    const { cert: ca } = ordinary().authority;
    for (const server of [secure(() => 'x', { http2: false }), secure(() => 'x', { tls: { ALPNProtocols: ['http/1.1'] } })]) {
      const client = session(server, { ca });
      await expect(ask(client, '/')).rejects.toThrow();
    }
  });

  it('takes large bodies both ways', async () => {
    const server = secure((request) => request.readBody(1e8));
    const body = Buffer.alloc(5_000_000, 'abcdefghij');
    const { cert: ca } = ordinary().authority;
    expect((await ask(session(server, { ca }), { ':path': '/', ':method': 'POST' }, body)).body).toBe(body.toString());
  });

  it.skipIf(!has('h2load'))('h2load (skipped where it is missing)', async () => {
    const server = secure(() => 'hello');
    const { output } = await run('h2load', ['-n', '5000', '-c', '5', '-m', '100', `https://127.0.0.1:${server.port}/`]);
    expect(output).toContain('5000 succeeded, 0 failed, 0 errored');
    expect(server.stats.requests).toBe(5000);
  });

  it.skipIf(!curlSpeaksIt)('curl (skipped where it does not speak HTTP/2)', async () => {
    const server = secure((request) => `${request.httpVersion} ${request.method} ${request.text().length}`);
    const { cert: ca } = ordinary().authority;
    const args = ['-sS', '--http2', '--cacert', ordinary().authority.file('h2-ca.pem', ca), '--resolve', `localhost:${server.port}:127.0.0.1`];
    const url = `https://localhost:${server.port}/`;
    expect(await run('curl', [...args, url])).toEqual({ code: 0, output: '2.0 GET 0' });
    expect(await run('curl', [...args, '-d', 'x'.repeat(100_000), url])).toEqual({ code: 0, output: '2.0 POST 100000' });
    expect((await run('curl', [...args, '-I', url])).output).toMatch(/^HTTP\/2 200/);
  });
});

describe('HTTP/2 with prior knowledge', () => {
  it.skipIf(!curlSpeaksIt)('curl, also where it waits for "100 Continue" (skipped where it does not speak HTTP/2)', async () => {
    const server = plain((request) => `${request.httpVersion} ${request.text(1e7).length}`);
    const url = `http://127.0.0.1:${server.port}/`;
    const args = ['-sS', '--http2-prior-knowledge'];
    expect((await run('curl', [...args, url])).output).toBe('2.0 0');
    expect((await run('curl', [...args, '-H', 'Expect: 100-continue', '-d', 'x'.repeat(90_000), url])).output).toBe('2.0 90000');
  });

  it.skipIf(!has('nghttp'))('nghttp (skipped where it is missing)', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'index.html'), '<p>hello</p>');
    writeFileSync(join(directory, 'large.bin'), Buffer.alloc(1_000_000, 'x'));
    const server = start(staticFiles(directory), { http2: true });
    const base = `http://127.0.0.1:${server.port}`;
    expect((await run('nghttp', [`${base}/`])).output).toBe('<p>hello</p>');
    const { output } = await run('nghttp', ['-nv', '-w', '12', `${base}/large.bin`, `${base}/`, `${base}/none`]);
    expect(output).toContain(':status: 404');
    expect(output).not.toContain('RST_STREAM');
    // Padding, and a client's window of 4 KiB.
    expect((await run('nghttp', ['-b', '100', `${base}/`])).output).toBe('<p>hello</p>');
  });

  it.skipIf(!has('h2load'))('h2load, with uploads (skipped where it is missing)', async () => {
    const server = plain((request) => request.readBody());
    const file = join(temporaryDirectory(), 'body');
    writeFileSync(file, Buffer.alloc(20_000, 'x'));
    const { output } = await run('h2load', ['-n', '2000', '-c', '4', '-m', '50', '-d', file, `http://127.0.0.1:${server.port}/`]);
    expect(output).toContain('2000 succeeded, 0 failed, 0 errored');
    expect(output).toMatch(/traffic: .* 38\.1\dMB \(4\d*\) data|40000000\) data/);
    expect(server.errors).toEqual([]);
  });

  it('node:http2 ends a session without an error', async () => {
    const client = session(plain(() => 'x'));
    await ask(client, '/');
    const closed = new Promise<void>((resolve) => client.once('close', resolve));
    client.close();
    await closed;
    expect(client.destroyed).toBe(true);
    expect(constants.NGHTTP2_NO_ERROR).toBe(0);
  });
});

describe.skipIf(!has('chromium') || !haveOpenssl)('Chromium (skipped where it is missing)', () => {
  it('speaks HTTP/2 with a page and what that fetches', async () => {
    const script = `
      Promise.all(Array.from({ length: 20 }, (_, i) => fetch('/part/' + i, { method: 'POST', body: 'x'.repeat(1000) }).then((r) => r.text())))
        .then((texts) => { document.title = 'got ' + texts.join('').length + ' over ' + performance.getEntriesByType('navigation')[0].nextHopProtocol; });`;
    const server = secure((request) => {
      if (request.path.startsWith('/part/')) return request.text();
      return { headers: { 'Content-Type': 'text/html' }, body: `<!doctype html><title>none</title><script>${script}</script>` };
    });
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors', '--virtual-time-budget=10000', '--dump-dom'];
    const { output } = await run('chromium', [...flags, `https://127.0.0.1:${server.port}/`]);
    expect(output).toContain('<title>got 20000 over h2</title>');
    expect(server.errors).toEqual([]);
  });
});
