import { constants, type BigIntStats, type Stats } from 'node:fs';

import { integerIn } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { ENOENT, ENOTDIR, isInterruption } from '../internal/results.js';
import { encodingOf, optionsOf, pathOf, pathText, type Encoding, type PathLike } from './arguments.js';
import { Call, fsCall, fsExists, fsLstat, fsRealpath, fsStat } from './native.js';
import { lastStats, type StatsOptions } from './stats.js';

const MOST_ACCESS = constants.R_OK | constants.W_OK | constants.X_OK;

/** The options of {@link stat} and {@link lstat}. */
export interface StatPathOptions extends StatsOptions {
  /** False: a missing file gives undefined. Default true. */
  throwIfNoEntry?: boolean;
}
/** Those with which they give Stats. */
export type PlainStatOptions = StatPathOptions & { bigint?: false };
/** Those with which they give BigIntStats. */
export type BigIntStatOptions = StatPathOptions & { bigint: true };

function statWith(
  ask: (path: string | Uint8Array, bigint: boolean) => number,
  call: 'stat' | 'lstat',
  path: PathLike,
  options: StatPathOptions | undefined,
): Stats | BigIntStats | undefined {
  const bigint = options?.bigint === true;
  const where = pathOf(path);
  const code = ask(where, bigint);
  if (code === 0) return lastStats(bigint);
  if (options?.throwIfNoEntry === false && (code === ENOENT || code === ENOTDIR)) return undefined;
  return fail(code, call, call, { path: pathText(where) });
}

/**
 * A file's Stats; follows links. Arguments, result and errors are those of `fs.statSync`.
 * Parks if the disk has to be read.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { stat } from 'stackful/fs';
 *
 * await spawn(() => {
 *   console.log(stat('.').isDirectory()); // true
 *   console.log(stat('no-such-file', { throwIfNoEntry: false })); // undefined
 * });
 * ```
 */
export function stat(path: PathLike, options?: PlainStatOptions & { throwIfNoEntry?: true }): Stats;
export function stat(path: PathLike, options: BigIntStatOptions & { throwIfNoEntry?: true }): BigIntStats;
export function stat(path: PathLike, options: PlainStatOptions): Stats | undefined;
export function stat(path: PathLike, options: BigIntStatOptions): BigIntStats | undefined;
export function stat(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined;
export function stat(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined {
  return statWith(fsStat, 'stat', path, options);
}

/**
 * As `fs.lstatSync`: the Stats of a link itself. Parks if the disk has to be read.
 *
 * @example
 * ```ts
 * import { symlinkSync } from 'node:fs';
 * import { spawn } from 'stackful';
 * import { lstat } from 'stackful/fs';
 *
 * symlinkSync('.', 'link');
 * await spawn(() => {
 *   console.log(lstat('link').isSymbolicLink()); // true
 * });
 * ```
 */
export function lstat(path: PathLike, options?: PlainStatOptions & { throwIfNoEntry?: true }): Stats;
export function lstat(path: PathLike, options: BigIntStatOptions & { throwIfNoEntry?: true }): BigIntStats;
export function lstat(path: PathLike, options: PlainStatOptions): Stats | undefined;
export function lstat(path: PathLike, options: BigIntStatOptions): BigIntStats | undefined;
export function lstat(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined;
export function lstat(path: PathLike, options?: StatPathOptions): Stats | BigIntStats | undefined {
  return statWith(fsLstat, 'lstat', path, options);
}

function realpathOf(path: PathLike, options?: { encoding?: Encoding } | Encoding): string | Buffer {
  const { encoding } = optionsOf<{ encoding?: Encoding }>(options);
  const known = encodingOf(encoding) ?? 'utf8';
  const where = pathOf(path);
  const plain = known === 'utf8' || known === 'utf-8';
  const result = fsRealpath(where, encoding === 'buffer' || !plain);
  if (typeof result === 'number') fail(result, 'realpath', 'realpath', { path: pathText(where) });
  return typeof result === 'string' || encoding === 'buffer' ? result : result.toString(known);
}

/** The overloads of {@link realpath}. */
export interface Realpath {
  /** Text. */
  (path: PathLike, options?: { encoding?: BufferEncoding | null } | BufferEncoding | null): string;
  /** Bytes. */
  (path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Buffer;
  /** The same function; Node has two. */
  native: Realpath;
}

/**
 * The path without links, `.` and `..`. Arguments, result and errors are those of `fs.realpathSync.native`, which fails with the
 * errors of `realpath` where `fs.realpathSync` fails with those of `lstat`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { realpath } from 'stackful/fs';
 *
 * await spawn(() => {
 *   console.log(realpath('.') === realpath(process.cwd())); // true
 * });
 * ```
 */
export const realpath = realpathOf as Realpath;
realpath.native = realpath;

/**
 * As `fs.accessSync`. Parks.
 *
 * @example
 * ```ts
 * import { constants } from 'node:fs';
 * import { spawn } from 'stackful';
 * import { access } from 'stackful/fs';
 *
 * await spawn(() => {
 *   access('.', constants.R_OK); // throws if it is not allowed
 *   try {
 *     access('no-such-file');
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // ENOENT
 *   }
 * });
 * ```
 */
export function access(path: PathLike, mode?: number | null): void {
  const wanted = mode === undefined || mode === null ? constants.F_OK : integerIn('mode', mode, 0, MOST_ACCESS);
  const where = pathOf(path);
  // Whether it exists the kernel often knows without a wait.
  const code = wanted === constants.F_OK ? fsExists(where) : (fsCall(Call.access, where, undefined, wanted) as number);
  if (code < 0) fail(code, 'access', 'access', { path: pathText(where) });
}

/**
 * As `fs.existsSync`: false for a value that cannot be a path. Parks if the disk has to be read.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { exists } from 'stackful/fs';
 *
 * await spawn(() => {
 *   console.log(exists('.'), exists('no-such-file')); // true false
 * });
 * ```
 */
export function exists(path: PathLike): boolean {
  let where;
  try {
    where = pathOf(path);
  } catch {
    return false;
  }
  const code = fsExists(where);
  if (isInterruption(code)) fail(code, 'exists', 'access');
  return code === 0;
}
