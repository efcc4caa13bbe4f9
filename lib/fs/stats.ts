import { constants, Stats, type StatOptions } from 'node:fs';

import { invalidValue } from '../internal/arguments.js';

// The exported constructor warns; the one it wraps does not.
const RealStats = (Stats.prototype as Stats & { constructor: unknown }).constructor as new (
  ...args: number[]
) => Stats;

/** Node 26 takes seconds and nanoseconds where earlier ones take milliseconds. */
const takesPairs = new RealStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8).mtimeMs !== 2;

/**
 * Node's own Stats, made of what native/binding/fs.cc gives: dev, mode, nlink, uid, gid, rdev, blksize, ino,
 * size, blocks, then seconds and nanoseconds of atime, mtime, ctime and birthtime.
 */
export function statsOf(n: readonly number[]): Stats {
  const ms = (i: number) => n[i]! * 1000 + n[i + 1]! / 1e6;
  const times = takesPairs ? n.slice(10) : [ms(10), ms(12), ms(14), ms(16)];
  return new RealStats(n[0]!, n[1]!, n[2]!, n[3]!, n[4]!, n[5]!, n[6]!, n[7]!, n[8]!, n[9]!, ...times);
}

/** The file type's bits say directory. */
export function isDirectoryMode(n: readonly number[]): boolean {
  return (n[1]! & constants.S_IFMT) === constants.S_IFDIR;
}

/** The one option of Node's that is not there. */
export function refuseBigint(options: StatOptions | undefined): void {
  if (options?.bigint) throw invalidValue('options.bigint', 'absent: bigint results are not supported', true);
}
