import fs, { type BigIntStatsFs, type StatFsOptions, type StatsFs } from 'node:fs';

import { integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { check } from '../internal/codes.js';
import { modeOf, type PathLike } from './arguments.js';
import { byNode, type Done } from './by_node.js';
import { Descriptor, openDescriptor, withDescriptor } from './descriptor.js';
import type { File } from './file.js';
import { Call, fsCall, fsClose } from './native.js';
import { onPath } from './paths.js';

/** A time as `fs.utimes` takes it: seconds since 1970, such a number as text, or a Date. */
export type Time = string | number | Date;

const changes = { changes: true } as const;

/** Unlike that of a new file, the mode must be given. */
function modeGiven(mode: string | number): number {
  if (mode as unknown === undefined || mode === null) throw invalidType('mode', 'of type number', mode);
  return modeOf(mode, 0);
}

function onDescriptor(name: string, file: File | number, call: (fd: number, done: Done<void>) => void): void {
  withDescriptor(file, name, (fd) => { byNode<void>(`fs.${name}`, fd, (done) => { call(fd, done); }, changes); });
}

/**
 * Changes the mode of a file. As `fs.chmodSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { chmod, stat, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('key', 'secret');
 *   chmod('key', 0o600);
 *   console.log((stat('key').mode & 0o777).toString(8)); // 600
 * });
 * ```
 */
export function chmod(path: PathLike, mode: string | number): void {
  onPath(Call.chmod, 'chmod', path, modeGiven(mode));
}

/**
 * As `fs.fchmodSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fchmod, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('script.sh', 'w');
 *   fchmod(file, 0o755);
 * });
 * ```
 */
export function fchmod(file: File | number, mode: string | number): void {
  const wanted = modeGiven(mode);
  withDescriptor(file, 'fchmod', (fd) => check(fsCall(Call.fchmod, fd, undefined, wanted) as number, 'fchmod', 'fchmod'));
}

/**
 * Changes the owner of a file. As `fs.chownSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { chown, stat, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('mine', '');
 *   chown('mine', process.getuid!(), process.getgid!());
 *   console.log(stat('mine').uid === process.getuid!()); // true
 * });
 * ```
 */
export function chown(path: PathLike, uid: number, gid: number): void {
  byNode<void>('fs.chown', path, (done) => { fs.chown(path, uid, gid, done); }, changes);
}

/**
 * As `fs.fchownSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fchown, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('mine', 'w');
 *   fchown(file, process.getuid!(), process.getgid!());
 * });
 * ```
 */
export function fchown(file: File | number, uid: number, gid: number): void {
  onDescriptor('fchown', file, (fd, done) => { fs.fchown(fd, uid, gid, done); });
}

/**
 * As `fs.lchownSync`: changes the owner of a link itself. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { lchown, symlink } from 'stackful/fs';
 *
 * await spawn(() => {
 *   symlink('/', 'root');
 *   lchown('root', process.getuid!(), process.getgid!());
 * });
 * ```
 */
export function lchown(path: PathLike, uid: number, gid: number): void {
  byNode<void>('fs.lchown', path, (done) => { fs.lchown(path, uid, gid, done); }, changes);
}

/**
 * Sets the times of the last access and change of a file. As `fs.utimesSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { stat, utimes, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('old', '');
 *   utimes('old', 0, new Date(1000));
 *   console.log(stat('old').mtimeMs); // 1000
 * });
 * ```
 */
export function utimes(path: PathLike, atime: Time, mtime: Time): void {
  byNode<void>('fs.utimes', path, (done) => { fs.utimes(path, atime, mtime, done); }, changes);
}

/**
 * As `fs.futimesSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { futimes, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('touched', 'w');
 *   futimes(file, new Date(), new Date());
 * });
 * ```
 */
export function futimes(file: File | number, atime: Time, mtime: Time): void {
  onDescriptor('futimes', file, (fd, done) => { fs.futimes(fd, atime, mtime, done); });
}

/**
 * As `fs.lutimesSync`: sets the times of a link itself. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { lstat, lutimes, symlink } from 'stackful/fs';
 *
 * await spawn(() => {
 *   symlink('nowhere', 'dangling');
 *   lutimes('dangling', 1, 2);
 *   console.log(lstat('dangling').mtimeMs); // 2000
 * });
 * ```
 */
export function lutimes(path: PathLike, atime: Time, mtime: Time): void {
  byNode<void>('fs.lutimes', path, (done) => { fs.lutimes(path, atime, mtime, done); }, changes);
}

/**
 * Makes a file shorter, or longer with zeroes. As `fs.truncateSync`. Parks.
 *
 * @param length in bytes; default 0
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { readFile, truncate, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('text', 'abcdef');
 *   truncate('text', 3);
 *   console.log(readFile('text', 'utf8')); // abc
 * });
 * ```
 */
export function truncate(path: PathLike | File | number, length?: number | null): void {
  if (typeof path === 'number' || path instanceof Descriptor) {
    ftruncate(path, length);
    return;
  }
  const fd = openDescriptor(path, 'r+');
  try {
    ftruncate(fd, length);
  } finally {
    fsClose(fd);
  }
}

/**
 * As `fs.ftruncateSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fstat, ftruncate, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('sparse', 'w');
 *   ftruncate(file, 1_000_000);
 *   console.log(fstat(file).size); // 1000000
 * });
 * ```
 */
export function ftruncate(file: File | number, length?: number | null): void {
  const given = numberIn('len', length ?? 0, -Infinity, Infinity);
  const wanted = Math.max(0, integerIn('len', given, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
  withDescriptor(file, 'ftruncate', (fd) => check(fsCall(Call.ftruncate, fd, undefined, wanted) as number, 'ftruncate', 'ftruncate'));
}

/**
 * How large and how full a file system is. As `fs.statfsSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { statfs } from 'stackful/fs';
 *
 * await spawn(() => {
 *   const { bavail, bsize } = statfs('/');
 *   console.log(bavail * bsize >= 0); // true
 * });
 * ```
 */
export function statfs(path: PathLike, options?: StatFsOptions & { bigint?: false }): StatsFs;
export function statfs(path: PathLike, options: StatFsOptions & { bigint: true }): BigIntStatsFs;
export function statfs(path: PathLike, options?: StatFsOptions): StatsFs | BigIntStatsFs;
export function statfs(path: PathLike, options: StatFsOptions = {}): StatsFs | BigIntStatsFs {
  return byNode<StatsFs | BigIntStatsFs>('fs.statfs', path, (done) => { fs.statfs(path, options, done); });
}
