/**
 * Low-importance coroutines, which give way to everything else by what they notice themselves: the method of "Progress-based
 * regulation of low-importance processes" (John R. Douceur and William J. Bolosky, SOSP 1999).
 *
 * Such a coroutine reports its progress. It learns how fast it is when nothing disturbs it, and when it is slower than that by more
 * than chance, something else uses what it needs: the processor, the disk, a lock, a machine at the other end. It does not have to
 * know what. Then it stays away for some time, twice as long each time it finds things no better. That works for every resource, also
 * for those that a scheduler does not know.
 *
 * Of several on a machine only one makes progress at a time, in turns, so that they do not take each other for a disturbance.
 *
 * The paper compares with the mean of what it has seen; this with nine tenths of the median, which outliers do not move, so that an
 * undisturbed coroutine is below it seldom, and not half of the time.
 */
import type { Coroutine } from '../coroutine/coroutine.js';
import { sleep } from '../coroutine/sleep.js';
import { timeout } from '../coroutine/timeout.js';
import { numberIn } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { parkDetails, parkShown } from '../internal/park_details.js';
import { WaitQueue } from '../internal/parking.js';
import { NOT_IN_COROUTINE } from '../internal/results.js';
import { atEnd, lowImportance } from './importance.js';
import { MachineTurn, SILENT_MS, TURN_MS } from './machine_turn.js';
import { MOST, SignTest } from './sign_test.js';

/** Reports within this time, in milliseconds, count as one sample: the shorter it is, the more it measures chance. */
const SAMPLE_MS = 20;
/** The part of its usual rate below which a sample counts as slow. */
const SLOW = 0.9;
/** So many samples only teach it its rate. */
const LEARNING = 8;
/** How much a later sample moves the usual rate, so that it follows what changes for good. */
const STEP = 0.002;
/** How long it stays away at first, and at most, in milliseconds. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
const SECOND_MS = 1_000;

/** What a coroutine with `importance: 'low'` is kept from, or not, by its regulation. */
export interface LowImportance {
  /** Whom this is about. */
  coroutine: Coroutine;
  /**
   * - `'suspended'`: it has been slower than usual, and stays away
   * - `'waiting'`: it has reported, and another one of low importance has the turn, here or elsewhere on the machine
   * - `'working'`: neither
   */
  state: 'suspended' | 'waiting' | 'working';
  /** For how many milliseconds it has been suspended. */
  suspendedFor?: number;
  /** For how many milliseconds it is suspended altogether, if nothing ends that. */
  suspension?: number;
  /** Its progress a second, by the amounts that it reports, as it was last measured; missing before that. */
  rate?: number;
  /** The progress a second below which it counts as slow; missing while it is being learned. */
  target?: number;
}

/** The rate that half of the samples reach, learned from each sample in turn. */
class UsualRate {
  private count = 0;
  private rate = 0;

  /** Undefined while it is being learned. */
  get known(): number | undefined {
    return this.count < LEARNING ? undefined : this.rate;
  }

  add(rate: number): void {
    this.count++;
    if (this.count === 1) this.rate = rate;
    else this.rate *= rate > this.rate ? 1 + this.step : 1 - this.step;
  }

  private get step(): number {
    return Math.max(STEP, 0.5 / this.count);
  }
}

/** What one low-importance coroutine knows of its progress. */
class Progress {
  private readonly usual = new UsualRate();
  private readonly test = new SignTest();
  /** The rates of the samples since the last verdict. */
  private rates: number[] = [];
  private done = 0;
  private began = native.now();
  private pause = 0;
  /** Of the last sample. */
  private lastRate: number | undefined;
  /** Whether it waits for its turn among those of low importance. */
  private waits = false;
  /** While it stays away: since when, and for how long. */
  private away: { since: number; ms: number } | undefined;

  /** Counts what was done; the result is for how long to stay away, in milliseconds. */
  report(done: number): number {
    this.done += done;
    const took = native.now() - this.began;
    if (took < SAMPLE_MS) return 0;
    const rate = (this.lastRate = this.done / took);
    const usual = this.usual.known;
    this.begin();
    if (usual === undefined) {
      this.usual.add(rate);
      return 0;
    }
    this.rates.push(rate);
    const verdict = this.test.add(rate < SLOW * usual);
    if (verdict !== undefined || this.rates.length === MOST) this.learn(verdict === 'poor');
    if (verdict === 'good') this.pause = 0;
    if (verdict !== 'poor') return 0;
    this.pause = this.pause === 0 ? FIRST_PAUSE_MS : Math.min(2 * this.pause, LONGEST_PAUSE_MS);
    return this.pause;
  }

  /** A disturbance must not become the usual rate, but what is slower for good becomes it, after some hundred verdicts. */
  private learn(disturbed: boolean): void {
    for (const rate of disturbed ? this.rates.slice(-1) : this.rates) this.usual.add(rate);
    this.rates = [];
  }

  /** Runs `wait`, for so long. */
  stayAway(ms: number, wait: () => void): void {
    this.away = { since: native.now(), ms };
    try {
      wait();
    } finally {
      this.away = undefined;
    }
  }

  /** Waits for the turn of its coroutine; what comes then belongs to the next sample. */
  takeTurn(self: Coroutine): void {
    this.waits = true;
    try {
      takeTurn(self);
    } finally {
      this.waits = false;
    }
    this.begin();
  }

  /** Rates by the second, because people count in seconds. */
  get shown(): Omit<LowImportance, 'coroutine'> {
    const { lastRate: rate, away, waits, usual: { known } } = this;
    return {
      state: away ? 'suspended' : waits ? 'waiting' : 'working',
      ...(away && { suspendedFor: native.now() - away.since, suspension: away.ms }),
      ...(rate !== undefined && { rate: rate * SECOND_MS }),
      ...(known !== undefined && { target: SLOW * known * SECOND_MS }),
    };
  }

  /** What comes now belongs to the next sample. */
  begin(): void {
    this.done = 0;
    this.began = native.now();
  }
}

/** Of those of low importance that have reported. */
const progresses = new WeakMap<Coroutine, Progress>();

/** Instead of a coroutine: one that has been woken has the turn, and takes it when it runs. */
const HANDED = Symbol('handed');

/** The one that makes progress now. */
let holder: Coroutine | typeof HANDED | undefined;
let heldSince = 0;
const others = new WaitQueue();
/** This thread's, which its coroutines hand on among themselves. */
const machine = new MachineTurn();

/** Parks until it is this coroutine's turn among those of low importance. */
function takeTurn(self: Coroutine): void {
  for (let mine = holder === undefined || holder === self; !mine;) {
    const since = heldSince;
    const handed = timeout(Math.max(1, since + SILENT_MS - native.now()), () => {
      parkShown(others, ParkKind.other, 'reportProgress', () => 'its turn among low importance');
      return true;
    }, () => false);
    // One that says nothing for so long waits for something itself, and must not keep the others waiting.
    mine = handed || holder === undefined || heldSince === since;
  }
  holder = self;
  heldSince = native.now();
  try {
    shown(self, () => 'its turn among low importance on this machine', () => {
      machine.take(() => { heldSince = native.now(); });
    });
  } catch (error) {
    giveTurn(self);
    throw error;
  }
  heldSince = native.now();
}

function giveTurn(self: Coroutine): void {
  if (holder !== self) return;
  // From now on it is the next one's: this one may ask for it again before that has run.
  holder = others.wakeOne() ? HANDED : undefined;
  if (!holder) machine.release();
}

atEnd.of = giveTurn;

/** Runs `wait`, in which `details` is what `self` is parked on. */
function shown(self: Coroutine, details: () => string, wait: () => void): void {
  parkDetails.set(self, details);
  try {
    wait();
  } finally {
    parkDetails.delete(self);
  }
}

/**
 * Tells how much a coroutine with `importance: 'low'` has done since its last call: files indexed, rows copied, bytes, whatever is
 * about as much work each time. When it makes less progress than usual, others use what it needs, and the call waits for as long as
 * they do: a tenth of a second at first, then twice as long each time, up to a minute. Call it every 10 ms or so; calls within 20 ms
 * count as one. Of several such coroutines of a user on a machine, in whatever threads and processes, one makes progress at a time, for
 * half a second each. They agree on that by locks of two files in `$XDG_RUNTIME_DIR`, or else the directory for temporary files.
 *
 * In coroutines of normal importance it does nothing, so that code that reports can run in both. Parks only in one of low importance.
 *
 * @param amount 0 or more; default 1
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), RangeError (`ERR_OUT_OF_RANGE`), CancelledError (`ERR_CANCELLED`),
 *   TimeoutError (`ERR_TIMEOUT`)
 *
 * @example
 * ```ts
 * import { reportProgress, sleep, spawn } from 'stackful';
 *
 * const indexer = spawn(() => {
 *   let indexed = 0;
 *   for (const name of ['a.txt', 'b.txt', 'c.txt']) {
 *     sleep(1); // reads and indexes the file
 *     indexed++;
 *     reportProgress();
 *   }
 *   return indexed;
 * }, { importance: 'low' });
 * console.log(await indexer); // 3
 * ```
 */
export function reportProgress(amount = 1): void {
  numberIn('amount', amount, 0, Number.MAX_VALUE);
  const self = current() ?? fail(NOT_IN_COROUTINE, 'reportProgress');
  if (!lowImportance.has(self)) return;
  let progress = progresses.get(self);
  if (!progress) progresses.set(self, (progress = new Progress()));
  if (holder !== self) {
    progress.takeTurn(self);
    return;
  }
  const pause = progress.report(amount);
  const threadsIsOver = machine.isOver;
  const turnIsOver = threadsIsOver || (!others.empty && native.now() - heldSince >= TURN_MS);
  if (pause === 0 && !turnIsOver) {
    if (others.empty) heldSince = native.now();
    return;
  }
  giveTurn(self);
  if (threadsIsOver) machine.release();
  if (pause > 0) {
    const reported = progress;
    shown(self, () => `low importance ${String(Math.round(pause))}ms`, () => { reported.stayAway(pause, () => { sleep(pause); }); });
  }
  progress.takeTurn(self);
}

/** The first `most` of those of low importance, the suspended ones first among them. @internal */
export function lowImportanceNow(most: number): LowImportance[] {
  const states: LowImportance[] = [];
  for (const coroutine of lowImportance) {
    if (states.length === most) break;
    // A simulation has forgotten it.
    if (coroutine.state === 'done') lowImportance.delete(coroutine);
    else states.push({ coroutine, ...(progresses.get(coroutine)?.shown ?? { state: 'working' }) });
  }
  return states.sort((a, b) => Number(b.state === 'suspended') - Number(a.state === 'suspended'));
}
