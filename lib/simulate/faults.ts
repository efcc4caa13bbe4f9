import { constants } from 'node:os';

import { numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { Calls } from '../internal/outside.js';

const { ECONNREFUSED, EHOSTUNREACH, EIO, EMFILE, ENOSPC, ETIMEDOUT } = constants.errno;

/**
 * What goes wrong in a simulation: how likely each kind is at each call that it may happen in, from 0 (the default) to 1. All are
 * what the system may answer at any time.
 */
export interface FaultOptions {
  /** A connection is reset as one end reads or writes: what is on the way is lost, both ends get `ECONNRESET`, then the end or `EPIPE`. */
  reset?: number;
  /** `connect` fails with `ECONNREFUSED`, `ETIMEDOUT` or `EHOSTUNREACH`. */
  connect?: number;
  /** What is written arrives late, by up to `maxDelay`: lost packets are sent again. */
  delay?: number;
  /** The longest delay, in simulated milliseconds. Default 200. */
  maxDelay?: number;
  /** A read of a socket or a file returns fewer bytes than there are, one at least. */
  shortRead?: number;
  /** `accept` and `open` fail with `EMFILE`; an accepted connection stays for the next call. */
  shortage?: number;
  /** Reads and syncs of files fail with `EIO`, writes with `ENOSPC`. */
  disk?: number;
  /** Questions about names fail with `EAI_AGAIN`. */
  names?: number;
}

const KINDS = ['reset', 'connect', 'delay', 'shortRead', 'shortage', 'disk', 'names'] as const;
const KNOWN = new Set<string>([...KINDS, 'maxDelay']);
const DEFAULT_DELAY = 200;
const LONGEST_DELAY = 1e9;
/** Indices of native/disk/file.h: the results of calls on whole files name the system call that failed. */
const READ = 2;
const WRITE = 3;
const CALL_FACTOR = 100_000;

const UNREACHED = [[ECONNREFUSED, 'ECONNREFUSED'], [ETIMEDOUT, 'ETIMEDOUT'], [EHOSTUNREACH, 'EHOSTUNREACH']] as const;

export type CheckedFaults = Required<FaultOptions>;

/** @throws TypeError (`ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`) */
export function checkFaults(options: FaultOptions = {}): CheckedFaults {
  knownOptions('simulate (options.faults)', options, KNOWN);
  const checked = { maxDelay: numberIn('options.faults.maxDelay', options.maxDelay ?? DEFAULT_DELAY, 0, LONGEST_DELAY) } as CheckedFaults;
  for (const kind of KINDS) checked[kind] = numberIn(`options.faults.${kind}`, options[kind] ?? 0, 0, 1);
  return checked;
}

/** Decides by a seed which calls of one run go wrong. */
export class Faults {
  /** What was injected, in order. */
  readonly injected: string[] = [];
  private state: number;

  /**
   * @param drew is told of each call that something can go wrong in: their order decides what does
   * @param now the simulated time, for the list
   */
  constructor(private readonly terms: CheckedFaults, seed: number, private readonly drew: () => void, private readonly now: () => number) {
    this.state = seed >>> 0;
  }

  connecting(to: string): number {
    if (!this.happens('connect')) return 0;
    const [code, name] = UNREACHED[this.below(UNREACHED.length)]!;
    return this.note(`connect to ${to}: ${name}`, -code);
  }

  accepting(port: number): number {
    return this.happens('shortage') ? this.note(`accept on port ${String(port)}: EMFILE`, -EMFILE) : 0;
  }

  resets(call: string): boolean {
    return this.happens('reset') && this.note(`socket.${call}: the connection is reset`, true);
  }

  delay(): number {
    if (!this.happens('delay')) return 0;
    const ms = 1 + this.below(Math.ceil(this.terms.maxDelay));
    return this.note(`socket.write: arrives ${String(ms)} ms late`, ms);
  }

  /** How many of `length` bytes are read. */
  shorter(call: string, length: number): number {
    if (length < 2 || !this.happens('shortRead')) return length;
    const fewer = 1 + this.below(length - 1);
    return this.note(`${call}: ${String(fewer)} of ${String(length)} bytes`, fewer);
  }

  /** Files are those of the system. */
  files(real: Calls): Calls {
    if (this.terms.disk === 0 && this.terms.shortage === 0 && this.terms.shortRead === 0) return {};
    const failing = (name: string, code: number, what: string) => (...args: unknown[]) => (
      this.happens('disk') ? this.note(`${name}: ${what}`, code) : real[name]!(...args));
    return {
      fsOpen: (...args: unknown[]) => (
        this.happens('shortage') ? this.note(`open ${String(args[0])}: EMFILE`, -EMFILE) : real.fsOpen!(...args)),
      fsRead: (fd: number, to: unknown, offset: number, length: number, position: number) => (
        this.happens('disk') ? this.note('read: EIO', -EIO) : real.fsRead!(fd, to, offset, this.shorter('read', length), position)),
      fsWrite: failing('fsWrite', -ENOSPC, 'ENOSPC'),
      fsReadFile: failing('fsReadFile', -EIO - READ * CALL_FACTOR, 'EIO'),
      fsWriteFile: failing('fsWriteFile', -ENOSPC - WRITE * CALL_FACTOR, 'ENOSPC'),
      fsSync: failing('fsSync', -EIO, 'EIO'),
    };
  }

  name(operation: string, subject: string): boolean {
    return this.happens('names') && this.note(`${operation} ${subject}: EAI_AGAIN`, true);
  }

  private happens(kind: (typeof KINDS)[number]): boolean {
    const probability = this.terms[kind];
    return probability > 0 && this.below(2 ** 32) < probability * 2 ** 32;
  }

  private note<T>(what: string, result: T): T {
    this.injected.push(`${String(this.now())} ms: ${what}`);
    return result;
  }

  /** A whole number below `limit`: Steele, Lea and Flood's mixing of a counter ("Fast splittable pseudorandom number generators", 2014). */
  private below(limit: number): number {
    this.drew();
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % limit;
  }
}
