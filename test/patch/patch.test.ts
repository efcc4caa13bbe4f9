import { execFileSync } from 'node:child_process';
import fs, { readFileSync as named } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { mock } from 'node:test';
import { memfs } from 'memfs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { atomic, simulate, sleep, spawn } from 'stackful';
import { patch, patched, unpatch } from 'stackful/patch/api';

import { temporaryDirectory, thrown } from '../fs/support.js';
import { runChild } from '../support/child.js';

const directory = temporaryDirectory();
const at = (name: string) => join(directory, name);
afterEach(unpatch);

/** Reads from a pipe that a coroutine fills later: on a thread that waits it would never end. */
function fifo(name: string): string {
  execFileSync('mkfifo', [at(name)]);
  return at(name);
}
const MARK = Symbol.for('stackful.patched');

describe('patch', () => {
  it('puts functions in their places that park, and unpatch puts back what was there', async () => {
    const before = Object.getOwnPropertyDescriptors(fs);
    const { patched: names, left } = patch({ fs: true });
    expect(left).toEqual([]);
    expect(names).toContain('fs.readFileSync');
    const path = fifo('one');
    const read = spawn(() => fs.readFileSync(path, 'utf8'));
    const write = spawn(() => { fs.writeFileSync(path, 'hello'); });
    expect(await read).toBe('hello');
    await write;
    expect([fs.readFileSync.name, fs.readFileSync.length, typeof fs.realpathSync.native]).toEqual(['readFileSync', 2, 'function']);
    unpatch();
    expect(Object.getOwnPropertyDescriptors(fs)).toEqual(before);
    expect(patched()).toEqual([]);
  });

  it('twice is as once, and a second call adds', () => {
    patch({ fs: ['statSync'] });
    const first = fs.statSync;
    expect(patch({ fs: ['statSync', 'lstatSync'] }).patched).toEqual(['fs.statSync', 'fs.lstatSync']);
    expect(fs.statSync).toBe(first);
    expect(MARK in fs.readFileSync).toBe(false);
  });

  it('takes groups: those that are true, or all but those that are false', () => {
    const groupsOf = (names: string[]) => [...new Set(names.map((name) => name.split('.')[0]))].sort();
    expect(groupsOf(patch({ zlib: true, fs: false }).patched)).toEqual(['zlib']);
    unpatch();
    expect(groupsOf(patch({ fs: false, atomics: false }).patched)).toEqual(['child_process', 'crypto', 'zlib']);
  });

  it('refuses what it does not know, and names the nearest', () => {
    expect(thrown(() => patch({ cripto: true } as object))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: "patch has no option 'cripto': did you mean 'crypto'?" });
    expect(thrown(() => patch({ fs: ['readFilSync'] }))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: "patch does not replace 'fs.readFilSync': did you mean 'readFileSync'?" });
    expect(thrown(() => patch({ fs: 'readFileSync' as never }))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(thrown(() => patch(5 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(patched()).toEqual([]);
  });

  it('is seen by imports by name', async () => {
    patch({ fs: true });
    expect(MARK in named || MARK in fs.readFileSync).toBe(true);
    const { stdout } = await runChild('patch_cases.mjs', ['named']);
    expect(stdout).toBe('true false\n');
  });

  it('all that this Node has is replaced', async () => {
    const { stdout } = await runChild('patch_cases.mjs', ['all']);
    const { names, left, missing } = JSON.parse(stdout) as { names: string[]; left: unknown[]; missing: string[] };
    expect(left).toEqual([]);
    expect(names.length).toBeGreaterThan(60);
    // It makes a directory, which takes no time.
    expect(missing.filter((name) => name !== 'mkdtempDisposableSync')).toEqual([]);
  });
});

describe('other libraries', () => {
  it('a function that somebody has replaced before is left alone', async () => {
    const original = fs.readFileSync;
    const theirs = (() => 'mocked') as unknown as typeof fs.readFileSync;
    fs.readFileSync = theirs;
    try {
      expect(patch({ fs: ['readFileSync'] })).toEqual({ patched: [], left: [{ name: 'fs.readFileSync', reason: 'something else has replaced it before' }] });
      expect(await spawn(() => fs.readFileSync('/nowhere'))).toBe('mocked');
      unpatch();
      expect(fs.readFileSync).toBe(theirs);
    } finally {
      fs.readFileSync = original;
    }
  });

  it('one that somebody replaces after stays theirs, and what it calls blocks again after unpatch', async () => {
    patch({ fs: ['readFileSync'] });
    const ours = fs.readFileSync;
    const theirs = ((...args: [string]) => `their ${String(ours(...args))}`) as unknown as typeof fs.readFileSync;
    fs.readFileSync = theirs;
    try {
      fs.writeFileSync(at('file'), 'text');
      unpatch();
      expect(fs.readFileSync).toBe(theirs);
      expect(await spawn(() => fs.readFileSync(at('file')))).toBe('their text');
      expect(patched()).toEqual([]);
      // And parks again after another patch.
      expect(patch({ fs: ['readFileSync'] }).patched).toEqual(['fs.readFileSync']);
    } finally {
      fs.readFileSync = ours;
    }
  });

  it("memfs over Node's functions before: none of its calls reach the disk, and its own go on", async () => {
    const volume = memfs({ '/in-memory': 'text' }).fs as unknown as typeof fs;
    const originals = { readFileSync: fs.readFileSync, existsSync: fs.existsSync };
    Object.assign(fs, { readFileSync: volume.readFileSync.bind(volume), existsSync: volume.existsSync.bind(volume) });
    try {
      const { patched: names, left } = patch({ fs: true });
      expect(left.map(({ name }) => name)).toEqual(['fs.existsSync', 'fs.readFileSync']);
      expect(names).toContain('fs.writeFileSync');
      expect(await spawn(() => [fs.readFileSync('/in-memory', 'utf8'), fs.existsSync('/')])).toEqual(['text', true]);
    } finally {
      Object.assign(fs, originals);
    }
  });

  it.each(['before', 'after'])("a mock of node:test, made %s", async (when) => {
    const made = () => mock.method(fs, 'statSync', () => 'mocked' as never);
    if (when === 'before') made();
    patch({ fs: ['statSync', 'readdirSync'] });
    if (when === 'after') made();
    expect(await spawn(() => fs.statSync('/'))).toBe('mocked');
    mock.restoreAll();
    // Both take back what is theirs, whichever comes first.
    expect(MARK in fs.statSync).toBe(when === 'after');
    unpatch();
    expect([MARK in fs.statSync, MARK in fs.readdirSync, fs.statSync('/').isDirectory()]).toEqual([false, false, true]);
  });

  it('a spy of vitest calls through, in coroutines too', async () => {
    patch({ fs: ['readdirSync'] });
    const spy = vi.spyOn(fs, 'readdirSync');
    try {
      expect(await spawn(() => fs.readdirSync(directory).length)).toBeGreaterThan(0);
      expect(spy).toHaveBeenCalledTimes(1);
    } finally {
      spy.mockRestore();
    }
    expect(patched()).toEqual(['fs.readdirSync']);
  });

  it.each(['before', 'after'])('graceful-fs, loaded %s', async (when) => {
    const { stdout, stderr, exit } = await runChild('patch_cases.mjs', [`graceful-${when}`]);
    expect([stdout, stderr, exit]).toEqual(['text\n', '', 0]);
  });

  it('frozen objects are refused, and nothing is replaced', async () => {
    expect((await runChild('patch_cases.mjs', ['frozen'])).stdout).toBe('ERR_CANNOT_PATCH 0\n');
    expect((await runChild('patch_cases.mjs', ['frozen-later'])).stdout).toBe('ERR_CANNOT_PATCH 0 text\n');
  });

  it('under --frozen-intrinsics a group can be left out', async () => {
    const { stdout, stderr } = await runChild('patch_cases.mjs', ['intrinsics'], { flags: ['--frozen-intrinsics', '--no-warnings'] });
    // Node 26 has WebAssembly that can be suspended, which has to be refused.
    if ('promising' in (globalThis as any).WebAssembly) expect(stderr).toMatch(/could not verify that nothing suspends WebAssembly, because its functions are frozen/);
    else expect(stdout).toBe('true true true\n');
  });

  it("under Node's permission model files and child processes are left to Node", async () => {
    const flag = Number(process.versions.node.split('.')[0]) >= 24 ? '--permission' : '--experimental-permission';
    const { stdout } = await runChild('patch_cases.mjs', ['permission'], { flags: [flag, '--allow-addons', '--allow-fs-read=*', '--no-warnings'] });
    expect(stdout).toBe('ERR_ACCESS_DENIED ERR_ACCESS_DENIED crypto,zlib,Atomics,Worker,MessagePort\n');
  });
});

describe('a patched call', () => {
  it('ends as it would have when unpatch comes while it is parked', async () => {
    patch({ fs: true });
    const path = fifo('two');
    const read = spawn(() => fs.readFileSync(path, 'utf8'));
    await spawn(() => { sleep(5); });
    expect(read.state).toBe('parked');
    unpatch();
    execFileSync('sh', ['-c', `echo late > ${path}`]);
    expect(await read).toBe('late\n');
  });

  it('blocks in an atomic section, as the original', async () => {
    patch({ fs: true });
    fs.writeFileSync(at('file'), 'text');
    expect(await spawn(() => atomic(() => fs.readFileSync(at('file'), 'utf8')))).toBe('text');
    expect(await spawn(() => atomic(() => { fs.rmSync(at('file')); return fs.existsSync(at('file')); }))).toBe(false);
  });

  it('blocks in simulated time', async () => {
    patch();
    fs.writeFileSync(at('file'), 'text');
    expect(await simulate({ seed: 1 }, () => {
      sleep(1000);
      const fd = fs.openSync(at('file'), 'r');
      fs.closeSync(fd);
      return [fs.readFileSync(at('file'), 'utf8'), execFileSync('echo', ['x'], { encoding: 'utf8' })];
    })).toEqual(['text', 'x\n']);
    expect(await spawn(() => execFileSync('echo', ['y'], { encoding: 'utf8' }))).toBe('y\n');
  });

  it('of a finally block does its work, though the coroutine is cancelled', async () => {
    patch({ fs: true });
    const path = fifo('three');
    const cancelled = spawn(() => {
      fs.writeFileSync(at('scratch'), '');
      try {
        fs.readFileSync(path);
      } finally {
        fs.rmSync(at('scratch'));
      }
    });
    await spawn(() => { sleep(20); });
    expect(fs.existsSync(at('scratch'))).toBe(true);
    cancelled.cancel();
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(fs.existsSync(at('scratch'))).toBe(false);
  });

  it('of a coroutine that was cancelled before it ran ends it', async () => {
    patch({ fs: true });
    const lines: string[] = [];
    const cancelled = spawn(() => {
      sleep(1);
      for (let i = 0; i < 1_000_000; i++) { fs.statSync('/'); if (i === 1) lines.push('began'); }
      lines.push('ended');
    });
    await spawn(() => { sleep(5); cancelled.cancel(); });
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(lines).toEqual(['began']);
  });
});

it('the library itself calls the originals', () => {
  const lib = new URL('../../lib/', import.meta.url);
  const files = fs.readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !/^(cli|patch|cli\.ts|internal\/originals)/.test(name));
  expect(files.length).toBeGreaterThan(100);
  const calls = files.filter((name) => {
    const code = fs.readFileSync(new URL(name, lib), 'utf8').replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
    return /import [^;]*Sync[^;]*from 'node:|\bfs\.\w+Sync\(|Atomics\.wait\(/.test(code);
  });
  expect(calls).toEqual([]);
});

describe('modules', () => {
  it('two coroutines that require a cold module get all of it, and import makes one of it', async () => {
    const { stdout, stderr } = await runChild('patch_cases.mjs', ['modules', directory], { flags: ['--no-warnings'] });
    expect([stdout, stderr]).toEqual(['whole whole whole true true\n', '']);
  });

  it('require of one in a coroutine does not get in the way of the main stack', async () => {
    patch({ fs: true });
    fs.writeFileSync(at('cold.cjs'), 'exports.a = 1;');
    const require = createRequire(at('x'));
    const required = spawn(() => require('./cold.cjs') as object);
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(require('./cold.cjs')).toEqual({ a: 1 });
    expect(await required).toEqual({ a: 1 });
  });
});
