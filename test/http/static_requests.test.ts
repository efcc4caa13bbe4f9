import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticFiles, type Request } from 'stackful/http';
import { ask, get, start } from './helpers.js';

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'stackful-'));
  mkdirSync(join(root, 'sub'));
  const files = { 'text.txt': '0123456789', 'app.js': 'js', 'style.css': 'css', 'sub/index.html': 'sub index', '404.html': '<h1>not here</h1>' };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
});

afterAll(() => { rmSync(root, { recursive: true }); });

describe('one object for the requests of a static site', () => {
  /** Without memory for files, each request waits for the disk in the middle, and others begin meanwhile. */
  it('is only for those that do not overlap', async () => {
    const server = start(staticFiles(root, { cache: { bytes: 0 } }));
    const expected = new Map([
      ['/text.txt', '0123456789'],
      ['/app.js', 'js'],
      ['/style.css', 'css'],
      ['/sub/', 'sub index'],
      ['/nowhere', '<h1>not here</h1>'],
      ['/.secret', '<h1>not here</h1>'],
    ]);
    const paths = [...expected.keys()];
    const clients = Array.from({ length: 40 }, async (_, client) => {
      for (let i = 0; i < 25; i++) {
        const path = paths[(client + i * 7) % paths.length]!;
        const { status, body } = await ask(server, get(path));
        expect([path, status, body]).toEqual([path, expected.get(path)!.startsWith('<h1>') ? 404 : 200, expected.get(path)]);
      }
    });
    await Promise.all(clients);
    expect(server.stats.requests).toBe(1000);
  });

  it('is not for the requests of a handler around it, which may keep them', async () => {
    const files = staticFiles(root);
    const kept: Request[] = [];
    const server = start((request) => {
      kept.push(request);
      return files(request);
    });
    for (const path of ['/text.txt', '/app.js']) await ask(server, get(path));
    expect(kept.map((request) => request.path)).toEqual(['/text.txt', '/app.js']);
    expect(() => kept[0]!.headers.get('host')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_OVER' }) as Error);
  });
});
