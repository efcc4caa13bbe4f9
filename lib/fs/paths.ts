import fs from 'node:fs';

import { integerIn, invalidType } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { encodingOf, modeOf, optionsOf, pathOf, pathText, type Encoding, type PathLike } from './arguments.js';
import { byNode } from './by_node.js';
import { Call, fsCall } from './native.js';

const MOST_COPY_FLAGS = fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE | fs.constants.COPYFILE_FICLONE_FORCE;

/** The options of functions that give a name. */
export interface NameOptions {
  /** The encoding of the name, or `'buffer'` for bytes; default 'utf8'. */
  encoding?: Encoding;
}

/** A call about one path. @internal */
export function onPath(call: Call, syscall: string, path: PathLike, number = 0): void {
  const where = pathOf(path);
  const code = fsCall(call, where, undefined, number) as number;
  if (code < 0) fail(code, syscall, syscall, { path: pathText(where) });
}

/** A call about two. */
function onPaths(call: Call, syscall: string, path: PathLike, dest: PathLike, names: readonly [string, string], number = 0): void {
  const [from, to] = [pathOf(path, names[0]), pathOf(dest, names[1])];
  const code = fsCall(call, from, to, number) as number;
  if (code < 0) fail(code, syscall, syscall, { path: pathText(from), dest: pathText(to) });
}

/** A call that gives a name. */
function nameFrom(
  call: Call,
  syscall: string,
  path: string | Uint8Array,
  failed: string,
  options?: NameOptions | Encoding,
): string | Buffer {
  const { encoding } = optionsOf<NameOptions>(options);
  const known = encodingOf(encoding) ?? 'utf8';
  const name = fsCall(call, path, undefined, 0);
  if (typeof name === 'number') fail(name, syscall, syscall, { path: failed });
  return encoding === 'buffer' ? name : name.toString(known);
}

/**
 * Renames or moves a file, in place of one that is there. As `fs.renameSync`. Parks. Interrupted before a pool thread has begun
 * it, it does nothing; once begun it is finished first. The same is true of the other functions that change names or files.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { exists, rename, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('draft.txt', 'done');
 *   rename('draft.txt', 'final.txt');
 *   console.log(exists('draft.txt'), exists('final.txt')); // false true
 * });
 * ```
 */
export function rename(oldPath: PathLike, newPath: PathLike): void {
  onPaths(Call.rename, 'rename', oldPath, newPath, ['oldPath', 'newPath']);
}

/**
 * Makes another name of a file. As `fs.linkSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { link, stat, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('one', '');
 *   link('one', 'two');
 *   console.log(stat('one').nlink); // 2
 * });
 * ```
 */
export function link(existingPath: PathLike, newPath: PathLike): void {
  onPaths(Call.link, 'link', existingPath, newPath, ['existingPath', 'newPath']);
}

/**
 * Makes a symbolic link at `path`. As `fs.symlinkSync`; `type` matters on Windows only. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { readlink, symlink } from 'stackful/fs';
 *
 * await spawn(() => {
 *   symlink('releases/7', 'current');
 *   console.log(readlink('current')); // releases/7
 * });
 * ```
 */
export function symlink(target: PathLike, path: PathLike, type?: 'dir' | 'file' | 'junction' | null): void {
  if (type !== undefined && type !== null && !['dir', 'file', 'junction'].includes(type)) {
    // Node's versions refuse it with different errors.
    byNode<void>('fs.symlink', path, (done) => { fs.symlink(target, path, type, done); }, { changes: true });
    return;
  }
  onPaths(Call.symlink, 'symlink', target, path, ['target', 'path']);
}

/**
 * What a symbolic link names. As `fs.readlinkSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { readlink, symlink } from 'stackful/fs';
 *
 * await spawn(() => {
 *   symlink('/etc/hosts', 'hosts');
 *   console.log(readlink('hosts')); // /etc/hosts
 * });
 * ```
 */
export function readlink(path: PathLike, options?: { encoding?: BufferEncoding | null } | BufferEncoding | null): string;
export function readlink(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Buffer;
export function readlink(path: PathLike, options?: NameOptions | Encoding): string | Buffer;
export function readlink(path: PathLike, options?: NameOptions | Encoding): string | Buffer {
  const where = pathOf(path);
  return nameFrom(Call.readlink, 'readlink', where, pathText(where), options);
}

/**
 * Removes a name, and the file if it was its last. As `fs.unlinkSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { exists, unlink, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('lock', '');
 *   unlink('lock');
 *   console.log(exists('lock')); // false
 * });
 * ```
 */
export function unlink(path: PathLike): void {
  onPath(Call.unlink, 'unlink', path);
}

/** The options of {@link rmdir}; Node 26 has none of them. */
export interface RmdirOptions {
  /** How often it tries again when the directory is busy; default 0. */
  maxRetries?: number;
  /** Removes what is in it, too; deprecated: use {@link rm}. */
  recursive?: boolean;
  /** The time between two attempts, in milliseconds; default 100. */
  retryDelay?: number;
}

/**
 * Removes an empty directory. As `fs.rmdirSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { mkdir, rmdir } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('empty');
 *   rmdir('empty');
 * });
 * ```
 */
export function rmdir(path: PathLike, options?: RmdirOptions): void {
  if (options === undefined) onPath(Call.rmdir, 'rmdir', path);
  else byNode('fs.rmdir', path, (done) => { fs.rmdir(path, options, done); }, { changes: true });
}

/** The options of {@link mkdir}. */
export interface MkdirOptions {
  /** The mode of the new directory; default 0o777. */
  mode?: string | number | null;
  /** Also makes the directories above it, and does nothing if it is there. */
  recursive?: boolean;
}

/**
 * Makes a directory. As `fs.mkdirSync`. Parks.
 *
 * @returns with `recursive` the first directory that was made; undefined if there was none, and without `recursive`
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { mkdir, stat } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('a/b/c', { recursive: true });
 *   console.log(stat('a/b/c').isDirectory()); // true
 * });
 * ```
 */
export function mkdir(path: PathLike, options?: MkdirOptions | string | number | null): string | undefined {
  const { mode, recursive } = typeof options === 'object' && options !== null ? options : { mode: options };
  if (recursive !== undefined && recursive !== false) {
    return byNode<string | undefined>('fs.mkdir', path, (done) => {
      fs.mkdir(path, options as fs.MakeDirectoryOptions & { recursive: true }, done);
    }, { changes: true });
  }
  const where = pathOf(path);
  onPath(Call.mkdir, 'mkdir', where as Buffer, modeOf(mode, 0o777));
  return undefined;
}

/**
 * Makes a directory with a name that no other has: `prefix` and six characters. As `fs.mkdtempSync`. Parks. If it is interrupted,
 * the directory is removed.
 *
 * @returns its path
 *
 * @example
 * ```ts
 * import { tmpdir } from 'node:os';
 * import { spawn } from 'stackful';
 * import { mkdtemp, rmdir } from 'stackful/fs';
 *
 * await spawn(() => {
 *   const path = mkdtemp(`${tmpdir()}/job-`);
 *   console.log(path.length === `${tmpdir()}/job-`.length + 6); // true
 *   rmdir(path);
 * });
 * ```
 */
export function mkdtemp(prefix: PathLike, options?: { encoding?: BufferEncoding | null } | BufferEncoding | null): string;
export function mkdtemp(prefix: PathLike, options: { encoding: 'buffer' } | 'buffer'): Buffer;
export function mkdtemp(prefix: PathLike, options?: NameOptions | Encoding): string | Buffer;
export function mkdtemp(prefix: PathLike, options?: NameOptions | Encoding): string | Buffer {
  const where = pathOf(prefix, 'prefix');
  return nameFrom(Call.mkdtemp, 'mkdtemp', where, `${pathText(where)}XXXXXX`, options);
}

/**
 * Copies a file, with its mode. As `fs.copyFileSync`, except that it does not wait for the other end of a FIFO: from one it copies
 * nothing, and to one that no process reads it fails (`ENXIO`). A copy that fails is removed; a file that was at `dest` before is not,
 * but may have lost its content. Parks. Once begun it is finished first when it is interrupted, and to a pipe it takes as long as the
 * reader does.
 *
 * @param mode `constants.COPYFILE_EXCL`: fails if `dest` is there; `COPYFILE_FICLONE`: shares the blocks where the file system
 *   can; `COPYFILE_FICLONE_FORCE`: fails where it cannot
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { copyFile, readFile, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('original', 'content');
 *   copyFile('original', 'copy');
 *   console.log(readFile('copy', 'utf8')); // content
 * });
 * ```
 */
export function copyFile(src: PathLike, dest: PathLike, mode?: number | null): void {
  if (mode !== undefined && mode !== null && typeof mode !== 'number') throw invalidType('mode', 'of type number', mode);
  const flags = integerIn('mode', mode ?? 0, 0, MOST_COPY_FLAGS);
  onPaths(Call.copyFile, 'copyfile', src, dest, ['src', 'dest'], flags);
}
