import type { Coroutine } from '../coroutine/coroutine.js';
import { native } from '../internal/native.js';
import { findDeadlocks, type Deadlock } from '../observe/deadlock.js';
import { visibleCoroutines } from '../observe/dump.js';
import { WaitingStacks } from './flame.js';
import { ParkedCoroutines } from './parked.js';
import { BlockingMap, type Point } from './points.js';
import { objectQueues } from './queues.js';
import type { Flame, QueueState } from './wire.js';

/** So many parks are sampled a second, at up to 50 µs each. */
const SAMPLES_PER_SECOND = 50;
/** The stride as long as the rate of parks is unknown. */
const FIRST_STRIDE = 1_000;
/** The least time between two ticks, in milliseconds; the first comes sooner, because it finds the stride. */
const TICK_MS = 900;
const FIRST_TICK_MS = 100;
/** A look at all coroutines may take this share of the time; what takes longer is done less often. */
const SHARE = 0.01;
/** Native code keeps 4096 stacks. */
const MOST_STACKS = 4_000;
/** Numbers for each sample in `native.takeParkSamples`. */
const FIELDS = 8;

/** Records the blocking graph of this thread, from the first viewer's coming to the last one's leaving. */
class Recorder {
  private viewers = 0;
  private map = new BlockingMap();
  private parked = new ParkedCoroutines(this.map);
  private waiting = new WaitingStacks();
  private readonly stacks = new Map<number, string>();
  private parksBefore = 0;
  private lastTick = 0;
  private ticks = 0;
  private lastLook = 0;
  private nextLook = 0;
  private found: Deadlock[] = [];
  /** What coroutines waited in line for at the last look. */
  queues: QueueState[] = [];

  get recording(): boolean {
    return this.viewers > 0;
  }

  /** A viewer comes. Call the result once, when it leaves. */
  start(): () => void {
    if (this.viewers++ === 0) this.begin();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      if (--this.viewers === 0) this.stop();
    };
  }

  private begin(): void {
    this.map = new BlockingMap();
    this.parked = new ParkedCoroutines(this.map);
    this.waiting = new WaitingStacks();
    this.parksBefore = native.stats().parks!;
    this.lastTick = native.monotonicNow();
    this.ticks = 0;
    this.nextLook = 0;
    native.sampleParks(FIRST_STRIDE);
    this.lastLook = this.lastTick;
    this.look(this.lastTick);
  }

  private stop(): void {
    native.sampleParks(0);
    this.stacks.clear();
    this.parked = new ParkedCoroutines(this.map);
    this.found = [];
    this.queues = [];
  }

  /** Brings everything up to date, unless it was a moment ago. Without a viewer: what is there to see now, without rates. */
  update(): void {
    const now = native.monotonicNow();
    const seconds = (now - this.lastTick) / 1_000;
    if (!this.recording) {
      this.map = new BlockingMap();
      this.parked = new ParkedCoroutines(this.map);
      this.lastLook = now;
      this.look(now);
      return;
    }
    if (now - this.lastTick < (this.ticks === 0 ? FIRST_TICK_MS : TICK_MS)) return;
    this.takeSamples(seconds);
    this.look(now);
    this.map.endTick(seconds);
    this.lastTick = now;
    this.ticks++;
  }

  private look(now: number): void {
    if (this.recording && now < this.nextLook) return;
    this.found = findDeadlocks().filter(({ cycle }) => cycle);
    this.queues = objectQueues(visibleCoroutines());
    this.map.setPresent(this.parked.look(this.deadlocked));
    this.waiting.add(this.parked.stacks, now - this.lastLook);
    this.lastLook = now;
    this.nextLook = now + (native.monotonicNow() - now) / SHARE;
  }

  private takeSamples(seconds: number): void {
    const [first, ...texts] = native.takeParkStacks();
    for (const [i, text] of texts.entries()) this.stacks.set(first + i, text);
    const numbers = native.takeParkSamples();
    for (let i = 0; i < numbers.length; i += FIELDS) {
      const [from, fromKind, to, toKind, waited, ran, depth, weight] = numbers.subarray(i, i + FIELDS) as unknown as number[];
      const begin = fromKind === 0 ? this.map.start : this.pointAt(from!, fromKind!);
      const end = toKind === 0 ? this.map.end : this.pointAt(to!, toKind!);
      if (begin && end) this.map.addSample({ from: begin, to: end, waited: waited!, ran: ran!, depth: depth!, weight: weight! });
    }
    if (this.stacks.size >= MOST_STACKS) {
      native.sampleParks(0);
      this.stacks.clear();
    }
    const { parks = 0 } = native.stats();
    native.sampleParks(Math.max(1, Math.round((parks - this.parksBefore) / seconds / SAMPLES_PER_SECOND)));
    this.parksBefore = parks;
  }

  private pointAt(stack: number, kind: number): Point | undefined {
    const text = this.stacks.get(stack);
    return text === undefined ? undefined : this.map.pointOf(native.parkKindName(kind), text);
  }

  /** The coroutines that are in a deadlock. */
  get deadlocked(): Set<Coroutine> {
    return new Set(this.found.flatMap(({ coroutines }) => coroutines));
  }

  get deadlocks(): string[] {
    return this.found.map(({ message }) => message);
  }

  view(): ReturnType<BlockingMap['view']> {
    return this.map.view();
  }

  /**
   * A stack that has led to the point of this id, and coroutines that were parked there at the last look, `most` of them, with
   * their stacks then.
   */
  at(id: number, most: number): { stack: string; found: ReturnType<ParkedCoroutines['at']> } {
    const points = this.map.sharing(id);
    const [first] = points;
    return { stack: first?.stack ?? '', found: this.parked.at(points, most) };
  }

  /** Where coroutines have waited since the first viewer came. */
  get flame(): Flame {
    return this.waiting.flame;
  }
}

/** The recorder of this thread. */
export const recorder = new Recorder();
