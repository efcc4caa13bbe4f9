import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { checkInterruption } from '../internal/parking.js';
import { withLastDuty } from './held_locks.js';
import { ReadWriteLock, type ReadWriteCore } from './read_write_lock.js';
import { OWN, SharedCore } from './shared_core.js';
import { runningThread } from './thread.js';
import type { ObjectOptions } from './thread_object.js';

/** How many threads read, or `WRITING`. */
const READERS = OWN;
/** How many threads wait to write: new readers let them go first. */
const WRITERS_WAITING = OWN + 1;
/** The number of the thread that writes. */
const WRITER = OWN + 2;
const WORDS = 3;

const WRITING = -1;

/** The reads of this worker's threads, by the number of the lock: a lock that was passed here twice has two objects. */
const reads = new Map<number, Map<Coroutine, number>>();

/** The lock of threads in several workers. */
export class SharedReadWriteCore extends SharedCore implements ReadWriteCore {
  constructor(words: number | Int32Array = WORDS) {
    super(words);
  }

  override get busy(): boolean {
    return Atomics.load(this.words, READERS) !== 0 || Atomics.load(this.words, WRITERS_WAITING) > 0;
  }

  get mine(): 'reads' | 'writes' | undefined {
    if (Atomics.load(this.words, WRITER) === runningThread('readWriteLock').id) return 'writes';
    return this.readsOfMine > 0 ? 'reads' : undefined;
  }

  lock(writes: boolean): void {
    if (writes) this.waitToWrite();
    else this.waitUntil('readWriteLock.readLock', () => this.tryRead());
  }

  tryLock(writes: boolean): boolean {
    checkInterruption('readWriteLock.tryLock');
    return writes ? this.tryWrite() : this.tryRead();
  }

  unlock(): void {
    if (this.mine === 'writes') {
      Atomics.store(this.words, WRITER, 0);
      Atomics.store(this.words, READERS, 0);
    } else {
      this.readsOfMine--;
      Atomics.sub(this.words, READERS, 1);
    }
    this.announce();
  }

  private waitToWrite(): void {
    const leave = () => {
      Atomics.sub(this.words, WRITERS_WAITING, 1);
      // Readers may have waited for this writer only.
      this.announce();
    };
    Atomics.add(this.words, WRITERS_WAITING, 1);
    try {
      withLastDuty(leave, () => { this.waitUntil('readWriteLock.writeLock', () => this.tryWrite()); });
    } finally {
      leave();
    }
  }

  private tryWrite(): boolean {
    if (Atomics.compareExchange(this.words, READERS, 0, WRITING) !== 0) return false;
    Atomics.store(this.words, WRITER, runningThread('readWriteLock').id);
    return true;
  }

  private tryRead(): boolean {
    for (let readers = Atomics.load(this.words, READERS); readers !== WRITING; ) {
      if (Atomics.load(this.words, WRITERS_WAITING) > 0 && this.readsOfMine === 0) return false;
      const before = Atomics.compareExchange(this.words, READERS, readers, readers + 1);
      if (before === readers) {
        this.readsOfMine++;
        return true;
      }
      readers = before;
    }
    return false;
  }

  private get readsOfMine(): number {
    return reads.get(this.id)?.get(current()!) ?? 0;
  }

  private set readsOfMine(count: number) {
    const ofLock = reads.get(this.id) ?? new Map<Coroutine, number>();
    if (count > 0) ofLock.set(current()!, count);
    else ofLock.delete(current()!);
    if (ofLock.size > 0) reads.set(this.id, ofLock);
    else reads.delete(this.id);
  }
}

/** The `ReadWriteLock` of `over('workers')`. */
export class SharedReadWriteLock extends ReadWriteLock {
  constructor(options: ObjectOptions = {}, core: ReadWriteCore = new SharedReadWriteCore()) {
    super(options, core);
  }
}
