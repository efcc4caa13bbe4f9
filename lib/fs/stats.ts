import { Stats, type BigIntStats, type StatOptions } from 'node:fs';

import { statSync } from '../internal/originals.js';
import { fsStatNumbers } from './native.js';

/** Options of the functions that give Stats. */
export interface StatsOptions extends StatOptions {
  /** Gives BigIntStats, with times in nanoseconds, too. Default false. */
  bigint?: boolean;
}

// The exported constructor emits a deprecation warning; the one that it wraps does not.
const RealStats = (Stats.prototype as Stats & { constructor: unknown }).constructor as new (
  ...args: number[]
) => Stats;

type MakeBigIntStats = new (...args: bigint[]) => BigIntStats;
/** Not exported by Node at all. */
let RealBigIntStats: MakeBigIntStats | undefined;

/** Node 26's constructor takes seconds and nanoseconds where earlier ones take milliseconds. */
const takesPairs = new RealStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8).mtimeMs !== 2;

const MODE = 1;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const NANOSECONDS = 1_000_000_000n;

/**
 * What native/binding/fs_names.cc wrote: dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, then seconds and
 * nanoseconds of atime, mtime, ctime and birthtime.
 */
const n = new Float64Array(fsStatNumbers);
const big = new BigInt64Array(fsStatNumbers);

const ms = (i: number) => n[i]! * 1000 + n[i + 1]! / 1e6;
const ns = (i: number) => big[i]! * NANOSECONDS + big[i + 1]!;

/** Node's own Stats of the last call of `fsStat`, `fsLstat` or `fsFstat`. */
export function lastStats(bigint: boolean): Stats | BigIntStats {
  if (bigint) {
    RealBigIntStats ??= (Object.getPrototypeOf(statSync('/', { bigint })) as { constructor: MakeBigIntStats }).constructor;
    const [dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks] = big as unknown as [
      bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint,
    ];
    return new RealBigIntStats(dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, ns(10), ns(12), ns(14), ns(16));
  }
  if (takesPairs) {
    return new RealStats(
      n[0]!, n[1]!, n[2]!, n[3]!, n[4]!, n[5]!, n[6]!, n[7]!, n[8]!, n[9]!,
      n[10]!, n[11]!, n[12]!, n[13]!, n[14]!, n[15]!, n[16]!, n[17]!,
    );
  }
  return new RealStats(n[0]!, n[1]!, n[2]!, n[3]!, n[4]!, n[5]!, n[6]!, n[7]!, n[8]!, n[9]!, ms(10), ms(12), ms(14), ms(16));
}

/** Whether the last of them was about a directory. */
export function lastIsDirectory(): boolean {
  return (n[MODE]! & S_IFMT) === S_IFDIR;
}
