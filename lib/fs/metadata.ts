import { constants, type Stats, type StatOptions } from 'node:fs';

import { integerIn } from '../internal/arguments.js';
import { check, fail } from '../internal/codes.js';
import { encodingOf, optionsOf, pathOf, pathText, type Encoding, type PathLike } from './arguments.js';
import { fsAccess, fsLstat, fsRealpath, fsStat } from './native.js';
import { refuseBigint, statsOf } from './stats.js';

export type StatPathOptions = StatOptions & { bigint?: false; throwIfNoEntry?: boolean };

const ENOENT = -2;
const ENOTDIR = -20;
const ECANCELED = -125;
/** Codes below this are not the system's. */
const LAST_ERRNO = -4095;

function statWith(
  ask: (path: string | Uint8Array) => number[] | number,
  call: 'stat' | 'lstat',
  path: PathLike,
  options: StatPathOptions | undefined,
): Stats | undefined {
  refuseBigint(options);
  const where = pathOf(path);
  const result = ask(where);
  if (typeof result !== 'number') return statsOf(result);
  if (options?.throwIfNoEntry === false && (result === ENOENT || result === ENOTDIR)) return undefined;
  return fail(result, call, call, { path: pathText(where) });
}

/**
 * What a file is, links followed. Arguments, result and errors are those of `fs.statSync`, without `bigint`.
 * Parks if the disk has to be asked.
 */
export function stat(path: PathLike, options?: StatPathOptions & { throwIfNoEntry?: true }): Stats;
export function stat(path: PathLike, options: StatPathOptions): Stats | undefined;
export function stat(path: PathLike, options?: StatPathOptions): Stats | undefined {
  return statWith(fsStat, 'stat', path, options);
}

/** The same of a link itself; as `fs.lstatSync`. */
export function lstat(path: PathLike, options?: StatPathOptions & { throwIfNoEntry?: true }): Stats;
export function lstat(path: PathLike, options: StatPathOptions): Stats | undefined;
export function lstat(path: PathLike, options?: StatPathOptions): Stats | undefined {
  return statWith(fsLstat, 'lstat', path, options);
}

/**
 * The path without links, `.` and `..`. Arguments, result and errors are those of `fs.realpathSync.native`.
 * Parks.
 */
export function realpath(
  path: PathLike,
  options?: { encoding?: BufferEncoding | null } | BufferEncoding | null,
): string;
export function realpath(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Buffer;
export function realpath(path: PathLike, options?: { encoding?: Encoding } | Encoding): string | Buffer {
  const { encoding } = optionsOf<{ encoding?: Encoding }>(options);
  const known = encodingOf(encoding) ?? 'utf8';
  const where = pathOf(path);
  const plain = known === 'utf8' || known === 'utf-8';
  const result = fsRealpath(where, encoding === 'buffer' || !plain);
  if (typeof result === 'number') fail(result, 'realpath', 'realpath', { path: pathText(where) });
  return typeof result === 'string' || encoding === 'buffer' ? result : result.toString(known);
}

/** As `fs.accessSync`. Parks. */
export function access(path: PathLike, mode: number = constants.F_OK): void {
  integerIn('mode', mode, 0, constants.R_OK | constants.W_OK | constants.X_OK);
  const where = pathOf(path);
  // Whether it is there at all, the kernel's caches may know.
  const result = mode === constants.F_OK ? fsStat(where) : fsAccess(where, mode);
  if (typeof result === 'number') check(result, 'access', 'access', { path: pathText(where) });
}

/** As `fs.existsSync`: never throws for what cannot be a path. Parks if the disk has to be asked. */
export function exists(path: PathLike): boolean {
  let where;
  try {
    where = pathOf(path);
  } catch {
    return false;
  }
  const result = fsStat(where);
  if (typeof result !== 'number') return true;
  if (result < LAST_ERRNO || result === ECANCELED) fail(result, 'exists', 'stat');
  return false;
}
