import fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

import { comparable, furnish, inventory } from '../fs/furnished.js';
import { temporaryDirectory } from '../fs/support.js';

/*
 * Each case makes a call in two directories that are alike: on the main stack, where it is Node's own, and in a coroutine. Results,
 * errors with their messages, and what is in the directories afterwards must be the same.
 */

beforeAll(() => { patch({ fs: true }); });
afterAll(() => {
  unpatch();
  clear();
});

type At = (...names: string[]) => string;

function outcome(call: (at: At) => unknown, directory: string): unknown {
  try {
    return { value: comparable(call((...names) => join(directory, ...names)), directory) };
  } catch (error) {
    const { name, message, code, errno, syscall, path, dest } = error as any;
    // A descriptor has another number where other tests of this process open files.
    const plain = (text: unknown) => (typeof text === 'string' ? comparable(text.replace(/type number \(\d\d+\)/, 'type number'), directory) : text);
    return { name, message: plain(message), code, errno, syscall, path: plain(path), dest: plain(dest) };
  }
}

let used: { theirs: string; own: string; as: string } | undefined;

/** Two directories that are alike; the same again while nobody has changed them. */
function directories(): NonNullable<typeof used> {
  if (used) return used;
  const [theirs, own] = [temporaryDirectory(), temporaryDirectory()];
  furnish(theirs);
  furnish(own);
  return (used = { theirs, own, as: String(inventory(own)) });
}

function clear(): void {
  if (!used) return;
  fs.rmSync(used.theirs, { recursive: true });
  fs.rmSync(used.own, { recursive: true });
  used = undefined;
}

async function compare(call: (at: At) => unknown): Promise<void> {
  const { theirs, own, as } = directories();
  const expected = outcome(call, theirs);
  const result = await spawn(() => outcome(call, own));
  const [expectedFiles, files] = [inventory(theirs), inventory(own)];
  if (String(files) !== as || String(expectedFiles) !== as) clear();
  expect(result).toEqual(expected);
  expect(files).toEqual(expectedFiles);
}

/** The same for calls that change nothing, because they fail. */
async function compareFailures(calls: ((at: At) => unknown)[]): Promise<void> {
  const { theirs, own } = directories();
  const expected = calls.map((call) => outcome(call, theirs));
  expect(await spawn(() => calls.map((call) => outcome(call, own)))).toEqual(expected);
}

/** Takes what is no path, no descriptor, no option; any function, so that types do not stand in the way. */
const any = fs as any;
const NAMES = ['file', 'empty', 'sub', 'hollow', 'link', 'sublink', 'dangling', 'loop', 'nobody', 'file/x', 'sub/one', 'x'.repeat(300)];

describe('calls about one path', () => {
  const calls: Record<string, (path: string) => unknown> = {
    accessSync: (path) => any.accessSync(path),
    'accessSync, all': (path) => any.accessSync(path, 7),
    appendFileSync: (path) => any.appendFileSync(path, 'more'),
    chmodSync: (path) => any.chmodSync(path, '700'),
    existsSync: (path) => any.existsSync(path),
    lstatSync: (path) => any.lstatSync(path),
    'lstatSync that may miss': (path) => any.lstatSync(path, { throwIfNoEntry: false }),
    mkdirSync: (path) => any.mkdirSync(path),
    'mkdirSync, recursive': (path) => any.mkdirSync(`${path}/a/b`, { recursive: true }),
    mkdtempSync: (path) => any.mkdtempSync(`${path}/temporary-`),
    openSync: (path) => any.closeSync(any.openSync(path)),
    'openSync, exclusive': (path) => any.closeSync(any.openSync(path, 'wx', 0o600)),
    opendirSync: (path) => {
      const directory = any.opendirSync(path);
      const names = [];
      for (let entry = directory.readSync(); entry; entry = directory.readSync()) names.push(entry.name);
      directory.closeSync();
      return [directory instanceof fs.Dir, names.sort()];
    },
    readdirSync: (path) => any.readdirSync(path),
    'readdirSync, types': (path) => any.readdirSync(path, { withFileTypes: true }),
    'readdirSync, recursive': (path) => any.readdirSync(path, { recursive: true }).sort(),
    readFileSync: (path) => any.readFileSync(path),
    'readFileSync, text': (path) => any.readFileSync(path, 'utf8'),
    'readFileSync, flags': (path) => any.readFileSync(path, { encoding: 'latin1', flag: 'a+' }),
    readlinkSync: (path) => any.readlinkSync(path),
    realpathSync: (path) => any.realpathSync(path),
    'realpathSync.native': (path) => any.realpathSync.native(path),
    rmSync: (path) => any.rmSync(path),
    'rmSync, force': (path) => any.rmSync(path, { force: true }),
    'rmSync, recursive': (path) => any.rmSync(path, { recursive: true }),
    'rmSync, both': (path) => any.rmSync(path, { recursive: true, force: true }),
    rmdirSync: (path) => any.rmdirSync(path),
    statSync: (path) => any.statSync(path),
    'statSync that may miss': (path) => any.statSync(path, { throwIfNoEntry: false }),
    truncateSync: (path) => any.truncateSync(path, 3),
    unlinkSync: (path) => any.unlinkSync(path),
    utimesSync: (path) => { any.utimesSync(path, 1234.5, new Date(5_000)); return fs.statSync(path).mtimeMs; },
    writeFileSync: (path) => any.writeFileSync(path, 'new', { mode: 0o600 }),
    'writeFileSync, flush': (path) => any.writeFileSync(path, Buffer.from('new'), { flag: 'r+', flush: true }),
    statfsSync: (path) => typeof any.statfsSync(path).bsize,
  };
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const file of NAMES) await compare((at) => calls[name]!(at(file)));
  });
});

describe('calls about two paths', () => {
  const calls: Record<string, (from: string, to: string) => unknown> = {
    copyFileSync: (from, to) => any.copyFileSync(from, to),
    'copyFileSync, exclusive': (from, to) => any.copyFileSync(from, to, fs.constants.COPYFILE_EXCL),
    cpSync: (from, to) => any.cpSync(from, to),
    'cpSync, recursive': (from, to) => any.cpSync(from, to, { recursive: true }),
    linkSync: (from, to) => any.linkSync(from, to),
    renameSync: (from, to) => any.renameSync(from, to),
    symlinkSync: (from, to) => any.symlinkSync(from, to),
  };
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const from of ['file', 'sub', 'nobody', 'dangling']) {
      // Node deletes what is in its way and then fails; we only fail.
      if (from === 'sub' && name === 'copyFileSync') continue;
      for (const to of ['other', 'new', 'hollow', 'file/x', 'nobody/x']) await compare((at) => calls[name]!(at(from), at(to)));
    }
  });
});

it('calls about descriptors', async () => {
  const calls: ((fd: number) => unknown)[] = [
    (fd) => any.fstatSync(fd).size,
    (fd) => any.readFileSync(fd, 'utf8'),
    (fd) => { const to = Buffer.alloc(9); return [any.readSync(fd, to), to.toString()]; },
    (fd) => { const to = Buffer.alloc(9); return [any.readSync(fd, to, 1, 4, 2), to.toString()]; },
    (fd) => { const to = Buffer.alloc(9); return [any.readSync(fd, to, { position: 3, length: 2 }), to.toString()]; },
    (fd) => { const to = [Buffer.alloc(2), Buffer.alloc(3)]; return [any.readvSync(fd, to, 1), String(to)]; },
    (fd) => [any.writeSync(fd, 'abc'), any.writeSync(fd, 'xyz', 7), any.writeSync(fd, Buffer.from('buffer'), 2, 2, 0)],
    (fd) => any.writevSync(fd, [Buffer.from('ab'), Buffer.from('cd')]),
    (fd) => [any.writeFileSync(fd, 'whole'), any.appendFileSync(fd, ' and more')],
    (fd) => [any.ftruncateSync(fd, 4), any.fsyncSync(fd), any.fdatasyncSync(fd), any.fchmodSync(fd, 0o600)],
    (fd) => [any.futimesSync(fd, 5, 6), any.fchownSync(fd, process.getuid!(), process.getgid!())],
    (fd) => any.truncateSync(fd, 2),
  ];
  for (const [i, call] of calls.entries()) {
    for (const flags of ['r+', 'r', 'a']) {
      await compare((at) => {
        const fd = any.openSync(at(i === 1 ? 'other' : 'file'), flags);
        try {
          return call(fd);
        } finally {
          any.closeSync(fd);
        }
      });
    }
  }
  const closed = fs.openSync('/', 'r');
  fs.closeSync(closed);
  for (const call of [...calls, (fd: number) => any.closeSync(fd)]) await compare(() => call(9_999));
});

it('bad arguments', async () => {
  const bad = [undefined, null, 5, -1, 1.5, true, {}, [], 'a\0b', () => 1, 1n, NaN];
  const names = Object.keys(fs).filter((name) => name.endsWith('Sync')).sort();
  expect(names.length).toBeGreaterThan(40);
  const calls: ((at: At) => unknown)[] = [];
  for (const name of names) {
    for (const value of bad) {
      // A descriptor that is open: an odd value must not close it.
      if (typeof value === 'number' && /^(close|f|read|write|append)/.test(name)) continue;
      calls.push(() => any[name](value), () => any[name](value, value, value), (at) => any[name](at('nobody', 'x'), value));
    }
  }
  await compareFailures(calls);
});

it('odd options', async () => {
  const options = [null, 'latin1', 'no such encoding', { encoding: 'no such' }, { encoding: 'hex' }, 5, { flag: 'nope' }, { signal: 1 }, []];
  for (const option of options) {
    for (const name of ['readFileSync', 'readdirSync', 'readlinkSync', 'statSync', 'lstatSync', 'opendirSync', 'globSync']) {
      if (!any[name]) continue;
      await compare((at) => { const found = any[name](at(name === 'readlinkSync' ? 'link' : 'sub/one'), option); return found instanceof fs.Dir ? found.closeSync() : found; });
    }
    await compare((at) => any.writeFileSync(at('new'), 'text', option));
  }
});

it('URLs, bytes and odd data', async () => {
  await compare((at) => any.readFileSync(pathToFileURL(at('file')), 'utf8'));
  await compare((at) => any.statSync(Buffer.from(at('file'))).size);
  for (const data of [new Uint16Array([1, 2]), new DataView(new ArrayBuffer(3)), 5, null, {}, '', Buffer.alloc(0)]) {
    await compare((at) => any.writeFileSync(at('new'), data));
  }
});
