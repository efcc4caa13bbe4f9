// A directory to be served, made before the tests of a file and removed after them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { staticFiles, type StaticOptions } from 'stackful/http';
import { start } from './helpers.js';

export let base: string;
export let root: string;
export const large = Buffer.alloc(3_000_000);
/** Longer ago than files must have been left alone to be kept in memory. */
const LONG_AGO = new Date('2024-01-02T03:04:05Z');

export function put(path: string, content: string | Buffer, time = LONG_AGO): void {
  writeFileSync(join(root, path), content);
  utimesSync(join(root, path), time, time);
}

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'stackful-')));
  root = join(base, 'root');
  for (const directory of ['', 'sub', 'sub/deep', 'empty', '.hidden', '.well-known', 'with space', 'ünï']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  for (let i = 0; i < large.length; i += 4) large.writeUInt32LE(i, i);
  put('index.html', '<h1>index</h1>');
  put('404.html', '<h1>not here</h1>');
  put('text.txt', '0123456789');
  put('empty.txt', '');
  put('app.js', 'js');
  put('style.css', 'css');
  put('logo.svg', 'svg');
  put('noextension', 'bytes');
  put('large.bin', large);
  put('sub/index.html', 'sub index');
  put('sub/deep/file.json', '{}');
  put('.secret', 'secret');
  put('.hidden/file', 'hidden');
  put('.well-known/thing', 'known');
  put('with space/ä ö%25.txt', 'odd name');
  put('ünï/index.html', 'unicode');
  writeFileSync(join(base, 'outside.txt'), 'outside');
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'outside/file'), 'outside');
  // A sibling whose path begins like the root's.
  mkdirSync(join(base, 'root2'));
  writeFileSync(join(base, 'root2/file'), 'outside');
  symlinkSync('text.txt', join(root, 'inside-link'));
  symlinkSync(join(root, 'sub'), join(root, 'inside-directory'));
  symlinkSync('../outside.txt', join(root, 'outside-link'));
  symlinkSync(join(base, 'outside'), join(root, 'outside-directory'));
  symlinkSync(join(base, 'root2'), join(root, 'sibling'));
  symlinkSync('/etc/hostname', join(root, 'absolute-link'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('nowhere', join(root, 'broken'));
  spawnSync('mkfifo', [join(root, 'pipe')]);
  // Changes made a moment ago keep a file out of the cache; most tests are about what is in it.
  await delay(150);
});

afterAll(() => { rmSync(base, { recursive: true }); });

export const serveRoot = (options?: StaticOptions) => start(staticFiles(root, options));
