import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { checkInterruption } from '../internal/parking.js';
import { ownerDead } from './errors.js';
import { noteLocked, noteUnlocked, type Abandonable } from './held_locks.js';
import { Mutex, type MutexCore, type MutexOptions } from './mutex.js';
import { OWN, SharedCore } from './shared_core.js';
import { runningThread, self, threadOf } from './thread.js';

/** The number of the thread that holds it, or `FREE` or `ABANDONED`. */
const HOLDER = OWN;
const DEPTH = OWN + 1;
export const MUTEX_WORDS = 2;

const FREE = 0;
const ABANDONED = -1;

/** The mutex of threads in several workers. */
export class SharedMutexCore extends SharedCore implements MutexCore, Abandonable {
  readonly shared = true;

  constructor(words: number | Int32Array = MUTEX_WORDS) {
    super(words);
  }

  override get busy(): boolean {
    return this.holder !== FREE;
  }

  get mine(): boolean {
    const coroutine = current();
    return coroutine !== undefined && this.holder === threadOf(coroutine)?.id;
  }

  get abandoned(): boolean {
    return this.holder === ABANDONED;
  }

  get depth(): number {
    return this.words[DEPTH]!;
  }

  set depth(depth: number) {
    this.words[DEPTH] = depth;
  }

  lock(): void {
    this.waitUntil('mutex.lock', () => this.take('mutex.lock'));
  }

  tryLock(): boolean {
    checkInterruption('mutex.tryLock');
    return this.take('mutex.tryLock');
  }

  unlock(): void {
    noteUnlocked(this);
    this.leave(FREE);
  }

  recover(): boolean {
    if (Atomics.compareExchange(this.words, HOLDER, ABANDONED, self().id) !== ABANDONED) return false;
    noteLocked(this);
    return true;
  }

  waitForSelf(): void {
    this.waitUntil('mutex.lock', () => false);
  }

  abandon(holder: Coroutine): void {
    if (this.holder !== threadOf(holder)?.id) return;
    this.depth = 0;
    this.leave(ABANDONED);
  }

  private get holder(): number {
    return Atomics.load(this.words, HOLDER);
  }

  private take(operation: string): boolean {
    const holder = Atomics.compareExchange(this.words, HOLDER, FREE, runningThread(operation).id);
    if (holder === ABANDONED) throw ownerDead(operation);
    if (holder === FREE) noteLocked(this);
    return holder === FREE;
  }

  private leave(holder: typeof FREE | typeof ABANDONED): void {
    Atomics.store(this.words, HOLDER, holder);
    this.announce();
  }
}

/** The `Mutex` of `over('workers')`. */
export class SharedMutex extends Mutex {
  constructor(options: MutexOptions = {}, core: MutexCore = new SharedMutexCore()) {
    super(options, core);
  }
}
