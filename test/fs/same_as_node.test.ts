import fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import * as stackful from 'stackful/fs';

import { comparable, furnish, inventory } from './furnished.js';
import { temporaryDirectory } from './support.js';

/*
 * Each case makes a call in two directories that are alike: by node:fs's ...Sync in one, by ours in the other. Results, errors and what
 * is in the directories afterwards must be the same.
 */

type Api = typeof stackful;
type Call = (api: Api, at: (...names: string[]) => string) => unknown;

/** node:fs's sync functions under our names. */
const node = new Proxy(fs, {
  get: (_, name: string) => (fs as any)[`${name}Sync`] ?? (fs as any)[name],
}) as unknown as Api;

function outcome(call: Call, api: Api, directory: string): unknown {
  try {
    return { value: comparable(call(api, (...names) => join(directory, ...names)), directory) };
  } catch (error) {
    const { name, message, code, errno, syscall, path, dest } = error as any;
    // Of arguments the versions of Node word what is wrong differently.
    if (errno === undefined) return { name, code };
    const texts = { message, path, dest } as Record<string, string | undefined>;
    for (const key in texts) texts[key] = texts[key] === undefined ? undefined : comparable(String(texts[key]), directory) as string;
    return { name, code, errno, syscall, ...texts };
  }
}

async function compare(call: Call): Promise<void> {
  const [theirs, own] = [temporaryDirectory(), temporaryDirectory()];
  try {
    furnish(theirs);
    furnish(own);
    const expected = outcome(call, node, theirs);
    const result = await spawn(() => outcome(call, stackful, own));
    expect(result).toEqual(expected);
    expect(inventory(own)).toEqual(inventory(theirs));
  } finally {
    fs.rmSync(theirs, { recursive: true });
    fs.rmSync(own, { recursive: true });
  }
}

const LONG = 'x'.repeat(300);
const PATHS = ['file', 'empty', 'sub', 'hollow', 'link', 'sublink', 'dangling', 'loop', 'nobody', 'file/x', 'sub/one', LONG];
/** Where Node's function and its sync form, or two of its versions, give different errors. */
const DIFFERS_IN_NODE: Record<string, string[]> = {
  'mkdir recursive': ['dangling', 'loop', 'link', 'file', 'empty', 'file/x', 'sub/one'],
  // rmSync of Node 24 looks at what a link leads to, and with force leaves one that leads nowhere.
  rm: ['file/x', LONG, 'link', 'sublink', 'dangling', 'loop'],
  'rm with force': ['file/x', LONG, 'link', 'sublink', 'dangling', 'loop'],
  'rm recursive': ['file/x', LONG, 'link', 'sublink', 'dangling', 'loop'],
  opendir: ['file', 'empty', 'link', 'dangling', 'loop', 'nobody', 'file/x', 'sub/one', LONG],
  'lstat that may miss': ['file/x'],
};

describe('calls about one path', () => {
  const calls: Record<string, (api: Api, path: string) => unknown> = {
    unlink: (api, path) => { api.unlink(path); },
    rmdir: (api, path) => { api.rmdir(path); },
    mkdir: (api, path) => api.mkdir(path),
    'mkdir with a mode': (api, path) => api.mkdir(path, 0o700),
    'mkdir recursive': (api, path) => api.mkdir(`${path}/a/b`, { recursive: true }),
    'chmod 600': (api, path) => { api.chmod(path, 0o600); },
    'chmod in digits': (api, path) => { api.chmod(path, '755'); },
    readlink: (api, path) => api.readlink(path),
    'readlink as bytes': (api, path) => api.readlink(path, 'buffer'),
    'readlink in hex': (api, path) => api.readlink(path, { encoding: 'hex' }),
    'truncate to 3': (api, path) => { api.truncate(path, 3); },
    'truncate longer': (api, path) => { api.truncate(path, 30); },
    'truncate to nothing': (api, path) => { api.truncate(path); },
    'chown to itself': (api, path) => { api.chown(path, process.getuid!(), process.getgid!()); },
    'lchown to itself': (api, path) => { api.lchown(path, process.getuid!(), process.getgid!()); },
    utimes: (api, path) => { api.utimes(path, 1234.5, new Date(5_000)); return fs.statSync(path).mtimeMs; },
    lutimes: (api, path) => { api.lutimes(path, '99', 1234.25); return fs.lstatSync(path).mtimeMs; },
    rm: (api, path) => { api.rm(path); },
    'rm with force': (api, path) => { api.rm(path, { force: true }); },
    'rm recursive': (api, path) => { api.rm(path, { recursive: true, force: true }); },
    stat: (api, path) => api.stat(path),
    'stat with bigint': (api, path) => {
      const { mode, size, mtimeNs, atimeMs, constructor } = api.stat(path, { bigint: true });
      return [mode, size, typeof mtimeNs, typeof atimeMs, constructor.name];
    },
    'lstat that may miss': (api, path) => api.lstat(path, { throwIfNoEntry: false }),
    exists: (api, path) => api.exists(path),
    access: (api, path) => { api.access(path); },
    'access for all': (api, path) => { api.access(path, 7); },
    readdir: (api, path) => api.readdir(path),
    'readdir with types': (api, path) => api.readdir(path, { withFileTypes: true }),
    'readdir recursive': (api, path) => api.readdir(path, { recursive: true }),
    'readdir as bytes': (api, path) => api.readdir(path, 'buffer'),
    opendir: (api, path) => {
      const directory = api.opendir(path);
      const names = [];
      const next = () => ((directory as any).readSync ? (directory as any).readSync() : directory.read()) as fs.Dirent | null;
      for (let entry = next(); entry; entry = next()) names.push(entry.name);
      ((directory as any).closeSync ?? directory.close).call(directory);
      return names.sort();
    },
    statfs: (api, path) => { const { type, bsize, blocks } = api.statfs(path); return [type, bsize, blocks]; },
    'statfs with bigint': (api, path) => { const { type, bsize } = api.statfs(path, { bigint: true }); return [type, bsize]; },
    mkdtemp: (api, path) => api.mkdtemp(`${path}/temporary-`),
    'mkdtemp as bytes': (api, path) => api.mkdtemp(`${path}/temporary-`, 'buffer'),
    readFile: (api, path) => api.readFile(path),
    'readFile as text': (api, path) => api.readFile(path, 'utf8'),
    writeFile: (api, path) => { api.writeFile(path, 'new'); },
    appendFile: (api, path) => { api.appendFile(path, 'new'); },
  };
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const path of PATHS) {
      if (!DIFFERS_IN_NODE[name]?.includes(path)) await compare((api, at) => calls[name]!(api, at(path)));
    }
    // Paths as bytes and as a URL.
    await compare((api, at) => calls[name]!(api, name.startsWith('mkd') || name === 'opendir' ? at('sub') : Buffer.from(at('file')) as any));
    if (!/mkd|opendir/.test(name)) await compare((api, at) => calls[name]!(api, pathToFileURL(at('file')) as any));
  });
});

describe('calls about two paths', () => {
  const calls: Record<string, (api: Api, from: string, to: string) => unknown> = {
    rename: (api, from, to) => { api.rename(from, to); },
    link: (api, from, to) => { api.link(from, to); },
    symlink: (api, from, to) => { api.symlink(from, to); },
    'symlink with a type': (api, from, to) => { api.symlink(from, to, 'dir'); },
    copyFile: (api, from, to) => { api.copyFile(from, to); },
    'copyFile exclusively': (api, from, to) => { api.copyFile(from, to, fs.constants.COPYFILE_EXCL); },
    'copyFile sharing blocks': (api, from, to) => { api.copyFile(from, to, fs.constants.COPYFILE_FICLONE); },
    cp: (api, from, to) => { api.cp(from, to); },
    'cp recursive': (api, from, to) => { api.cp(from, to, { recursive: true }); },
  };
  const targets = ['new', 'other', 'sub', 'hollow', 'link', 'nobody/new', 'file'];
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const from of ['file', 'empty', 'sub', 'link', 'dangling', 'nobody', 'file/x']) {
      for (const to of targets) {
        // Copying into itself, and onto the other kind, cp and cpSync refuse in different words.
        if (name.startsWith('cp') && (from === to || to === 'file' || /^(sub|link|dangling)$/.test(from))) continue;
        // Node 20 to 24 word the error of cp for a path that leads through a file differently in the two.
        if (name.startsWith('cp') && (from === 'file/x' || /^(sub|hollow|link)$/.test(to))) continue;
        // Node removes the file that was there when it finds that it cannot copy a directory to it; ours stays (copy_file.test.ts).
        if (/^copyFile($| sharing)/.test(name) && from === 'sub' && /^(other|link|file)$/.test(to)) continue;
        await compare((api, at) => calls[name]!(api, at(from), at(to)));
      }
    }
  });
});

describe('calls on a descriptor', () => {
  const calls: Record<string, (api: Api, fd: number) => unknown> = {
    fstat: (api, fd) => api.fstat(fd),
    'fstat with bigint': (api, fd) => api.fstat(fd, { bigint: true }).size,
    fchmod: (api, fd) => { api.fchmod(fd, 0o604); },
    fchown: (api, fd) => { api.fchown(fd, process.getuid!(), process.getgid!()); },
    futimes: (api, fd) => { api.futimes(fd, 1, 2); return fs.fstatSync(fd).mtimeMs; },
    ftruncate: (api, fd) => { api.ftruncate(fd, 5); },
    'ftruncate below zero': (api, fd) => { api.ftruncate(fd, -5); },
    fsync: (api, fd) => { api.fsync(fd); },
    fdatasync: (api, fd) => { api.fdatasync(fd); },
    read: (api, fd) => { const to = Buffer.alloc(6); return [api.read(fd, to), to, api.read(fd, to, 2, 3, 1), to, api.read(fd, to, { position: 3 }), to]; },
    write: (api, fd) => [api.write(fd, 'abc'), api.write(fd, Buffer.from('defg'), 1, 2), api.write(fd, 'ü', 0, 'latin1'), api.write(fd, 'at', 3)],
    readv: (api, fd) => { const parts = [Buffer.alloc(3), new Uint8Array(0), Buffer.alloc(100)]; return [api.readv(fd, parts), parts, api.readv(fd, parts, 2), parts]; },
    'readv of a little': (api, fd) => { const parts = [Buffer.alloc(3), new Uint16Array(2)]; return [api.readv(fd, parts), parts[0], api.readv(fd, [])]; },
    writev: (api, fd) => [api.writev(fd, [Buffer.from('one'), Buffer.from('two')]), api.writev(fd, [new Uint8Array(2)], 1), api.writev(fd, [])],
    readFile: (api, fd) => api.readFile(fd, 'latin1'),
    writeFile: (api, fd) => { api.writeFile(fd, 'as it is'); },
  };
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const flags of ['r', 'r+', 'a+', 'w']) {
      await compare((api, at) => {
        const fd = fs.openSync(at('file'), flags);
        try {
          return calls[name]!(api, fd);
        } finally {
          fs.closeSync(fd);
        }
      });
    }
    await compare((api) => calls[name]!(api, 1_000_000));
  });
});

describe('wrong arguments', () => {
  const WRONG: unknown[] = [undefined, null, 5, {}, [], true, 'a\0b', Symbol('path'), () => undefined, NaN];
  const withPath = [
    'access', 'appendFile', 'chmod', 'chown', 'copyFile', 'lchown', 'link', 'lstat', 'lutimes', 'mkdir', 'mkdtemp', 'open', 'opendir',
    'readFile', 'readdir', 'readlink', 'rename', 'rm', 'rmdir', 'stat', 'statfs', 'symlink', 'truncate', 'unlink', 'utimes', 'writeFile',
  ];
  const rest: Record<string, unknown[]> = {
    appendFile: ['x'], chmod: [0o600], chown: [0, 0], copyFile: ['to'], lchown: [0, 0], link: ['to'], lutimes: [1, 1], rename: ['to'],
    symlink: ['to'], utimes: [1, 1], writeFile: ['x'],
  };
  // A number is a descriptor to them.
  const takesNumbers = new Set(['appendFile', 'readFile', 'truncate', 'writeFile']);
  it.each(withPath)('%s: paths', async (name) => {
    for (const wrong of WRONG) {
      // And of a symbol it says that it is none, in words of JavaScript's.
      if (takesNumbers.has(name) && (typeof wrong === 'number' || typeof wrong === 'symbol')) continue;
      await compare((api) => (api as any)[name](wrong, ...(rest[name] ?? [])));
    }
  });
  it.each(['copyFile', 'link', 'rename', 'symlink'])('%s: the second path', async (name) => {
    for (const wrong of WRONG) await compare((api, at) => (api as any)[name](at('file'), wrong));
  });

  const calls: Record<string, Call> = {
    'chmod: no mode': (api, at) => { (api as any).chmod(at('file')); },
    'chmod: no octal digits': (api, at) => { api.chmod(at('file'), '9'); },
    'chmod: a fraction': (api, at) => { api.chmod(at('file'), 1.5); },
    'chmod: negative': (api, at) => { api.chmod(at('file'), -1); },
    'mkdir: a mode in words': (api, at) => api.mkdir(at('new'), 'rwx'),
    'mkdir: recursive as a number': (api, at) => api.mkdir(at('new'), { recursive: 1 } as any),
    'symlink: a kind that there is not': (api, at) => { api.symlink('a', at('new'), 'soft' as any); },
    'copyFile: a large mode': (api, at) => { api.copyFile(at('file'), at('new'), 8); },
    'copyFile: a mode in words': (api, at) => { api.copyFile(at('file'), at('new'), 'x' as any); },
    'access: a large mode': (api, at) => { api.access(at('file'), 8); },
    'access: a mode in words': (api, at) => { api.access(at('file'), 'r' as any); },
    'ftruncate: text': (api) => { api.ftruncate(0, '5' as any); },
    'ftruncate: a fraction': (api) => { api.ftruncate(0, 1.5); },
    'ftruncate: text for a descriptor': (api) => { api.ftruncate('0' as any); },
    'fchmod: no descriptor': (api) => { api.fchmod(-1, 0o600); },
    'fchown: no group': (api) => { (api as any).fchown(0, 0); },
    'chown: text': (api, at) => { api.chown(at('file'), '0' as any, 0); },
    'utimes: no time': (api, at) => { api.utimes(at('file'), 'noon', 1); },
    'futimes: no time': (api) => { api.futimes(0, {} as any, 1); },
    'readlink: an encoding that there is not': (api, at) => api.readlink(at('link'), 'klingon' as any),
    'readdir: an encoding that there is not': (api, at) => api.readdir(at('sub'), 'klingon' as any),
    'mkdtemp: an encoding that there is not': (api, at) => api.mkdtemp(at('temporary-'), 'klingon' as any),
    'readFile: an encoding that there is not': (api, at) => api.readFile(at('file'), 'klingon' as any),
    'writeFile: an object': (api, at) => { api.writeFile(at('file'), {} as any); },
    'open: flags that there are not': (api, at) => api.open(at('file'), 'rw'),
    'open: a mode in words': (api, at) => api.open(at('file'), 'r', 'rw'),
    'readv: no list': (api) => api.readv(0, Buffer.alloc(1) as any),
    'writev: text': (api) => api.writev(0, ['x'] as any),
    'read: no buffer': (api) => api.read(0, 'x' as any),
    'read: an offset beyond it': (api) => api.read(0, Buffer.alloc(4), 5, 1),
    'read: more than there is room for': (api) => api.read(0, Buffer.alloc(4), 2, 3),
    'write: an offset beyond it': (api) => api.write(1, Buffer.alloc(4), 5),
    'rm: a time that there is not': (api, at) => { api.rm(at('file'), { retryDelay: -1 }); },
    'opendir: a size that there is not': (api, at) => api.opendir(at('sub'), { bufferSize: 0 }),
  };
  it.each(Object.keys(calls))('%s', async (name) => {
    await compare(calls[name]!);
  });
});
