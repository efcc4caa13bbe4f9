import fs, { type BigIntStats, type Stats } from 'node:fs';

import { integerIn, oneOf } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { pathOf, pathText, type Encoding, type PathLike } from './arguments.js';

/** A change that {@link watch} saw. */
export interface FileChange {
  /** `'rename'`: a name appeared or disappeared; `'change'`: a file's content or attributes changed. */
  eventType: 'rename' | 'change';
  /** Which file; null where the system does not tell. */
  filename: string | Buffer | null;
}

/** A change that {@link watchFile} saw. */
export interface StatChange {
  /** What the file is now; its times are 0 if it is not there. */
  current: Stats | BigIntStats;
  /** What it was before. */
  previous: Stats | BigIntStats;
}

/** Options of both kinds of watching. */
export interface QueueOptions extends ParkOptions {
  /** Whether it keeps the process alive; default true. */
  persistent?: boolean;
  /** How many changes are kept until they are asked for; default 2048. */
  maxQueue?: number;
  /** What happens to more of them: they are dropped, with a warning, or the loop fails with `ERR_FS_WATCH_QUEUE_OVERFLOW`. */
  overflow?: 'ignore' | 'throw';
}

/** The options of {@link watch}. */
export interface WatchOptions extends QueueOptions {
  /** Watches the directories below, too. */
  recursive?: boolean;
  /** The encoding of names, or `'buffer'`; default 'utf8'. */
  encoding?: Encoding;
}

/** The options of {@link watchFile}. */
export interface WatchFileOptions extends QueueOptions {
  /** How often it looks, in milliseconds; default 5007. */
  interval?: number;
  /** Gives BigIntStats. Default false. */
  bigint?: boolean;
}

const USUAL_QUEUE = 2048;

/**
 * The changes of a file or directory, for a loop: each step parks until there is one. {@link watch} and {@link watchFile} make it.
 * Leaving the loop ends it, and so does an interruption of a step, because its loop is left then, too.
 *
 * @example
 * ```ts
 * import { mkdirSync, writeFileSync } from 'node:fs';
 * import { spawn } from 'stackful';
 * import { watch } from 'stackful/fs';
 *
 * mkdirSync('inbox');
 * await spawn(() => {
 *   using changes = watch('inbox');
 *   writeFileSync('inbox/letter', '');
 *   console.log(changes.next().value?.filename); // letter
 * });
 * ```
 */
export class Watcher<T> implements IterableIterator<T, undefined>, Disposable {
  private readonly queue: T[] = [];
  private readonly waiting = new WaitQueue();
  private failure: Error | undefined;
  private open = true;
  private stop: (() => void) | undefined;

  /** @internal */
  constructor(private readonly operation: string, private readonly subject: string, private readonly options: QueueOptions) {
    integerIn('options.maxQueue', options.maxQueue ?? USUAL_QUEUE, 1, Number.MAX_SAFE_INTEGER);
    oneOf('options.overflow', options.overflow ?? 'ignore', ['ignore', 'throw']);
  }

  /** @internal */
  begun(stop: () => void): this {
    this.stop = stop;
    return this;
  }

  /** @internal */
  add(change: T): void {
    if (!this.open) return;
    const { maxQueue = USUAL_QUEUE, overflow } = this.options;
    if (this.queue.length < maxQueue) {
      this.queue.push(change);
      this.waiting.wakeOne();
    } else if (overflow === 'throw') {
      this.fail(Object.assign(new Error(`${this.operation}: more than ${String(maxQueue)} changes were not asked for`), {
        code: 'ERR_FS_WATCH_QUEUE_OVERFLOW',
      }));
    } else {
      process.emitWarning(`${this.operation}: more than ${String(maxQueue)} changes were not asked for; others are lost`);
    }
  }

  /** @internal */
  fail(error: Error): void {
    this.failure ??= error;
    this.close();
  }

  /** The next change; done once it is closed. Parks until there is one. */
  next(): IteratorResult<T, undefined> {
    const { signal } = this.options;
    try {
      checkpoint(this.operation, signal && { signal });
      while (this.open && this.queue.length === 0) {
        parkShown(this.waiting, ParkKind.file, this.operation, () => `${this.operation} ${this.subject}`, signal && { signal });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.queue.length > 0) return { done: false, value: this.queue.shift()! };
    if (!this.failure) return { done: true, value: undefined };
    const error = this.failure;
    this.failure = undefined;
    throw error;
  }

  /** Ends it; what has been seen and not been asked for is still given. Never parks. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.stop?.();
    this.waiting.wakeAll();
  }

  /** When a loop is left: {@link close}. */
  return(): IteratorResult<T, undefined> {
    this.close();
    this.queue.length = 0;
    return { done: true, value: undefined };
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For a loop: itself. */
  [Symbol.iterator](): this {
    return this;
  }
}

/**
 * The changes of a file, or of the names in a directory, from this call on. Arguments are those of `fs.promises.watch`, and the
 * changes, too. The loop parks; this call does not.
 *
 * @throws the system's error when it cannot be watched
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { mkdir, watch, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('arrivals');
 *   const changes = watch('arrivals');
 *   const writer = spawn(() => { writeFile('arrivals/letter', 'hello'); });
 *   for (const { filename } of changes) {
 *     console.log(filename); // letter
 *     break;
 *   }
 *   writer.join();
 * });
 * ```
 */
export function watch(path: PathLike, options?: WatchOptions | Encoding): Watcher<FileChange> {
  const given: WatchOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
  const { signal, maxQueue, overflow, ...rest } = given;
  const watcher = new Watcher<FileChange>('fs.watch', String(path), { signal, maxQueue, overflow });
  const system = fs.watch(path, rest as fs.WatchOptions, (eventType, filename) => {
    watcher.add({ eventType, filename });
  });
  system.on('error', (error) => { watcher.fail(error); });
  return watcher.begun(() => { system.close(); });
}

const watched = new Map<string, Set<Watcher<StatChange>>>();

/**
 * The changes of a file, found by looking at it now and then; it need not be there. As `fs.watchFile`, but for a loop. The loop parks;
 * this call does not.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { watchFile, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using changes = watchFile('observed', { interval: 5 }); // there is no such file yet, and the first change says so
 *   for (const { current } of changes) {
 *     if (current.size === 3) break;
 *     writeFile('observed', 'abc');
 *   }
 * });
 * ```
 */
export function watchFile(path: PathLike, options: WatchFileOptions = {}): Watcher<StatChange> {
  const { signal, maxQueue, overflow, ...rest } = options;
  const name = pathText(pathOf(path, 'filename'));
  const watcher = new Watcher<StatChange>('fs.watchFile', name, { signal, maxQueue, overflow });
  const listener = (current: Stats, previous: Stats) => { watcher.add({ current, previous }); };
  fs.watchFile(path, rest as { interval?: number }, listener);
  const all = watched.get(name) ?? new Set();
  watched.set(name, all.add(watcher));
  return watcher.begun(() => {
    fs.unwatchFile(path, listener);
    all.delete(watcher);
    if (all.size === 0) watched.delete(name);
  });
}

/**
 * Ends all loops of {@link watchFile} over a file in this thread. Never parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { unwatchFile, watchFile } from 'stackful/fs';
 *
 * const changes = watchFile('settings');
 * const watching = spawn(() => [...changes].length);
 * unwatchFile('settings');
 * console.log(await watching); // 0
 * ```
 */
export function unwatchFile(path: PathLike): void {
  for (const watcher of [...(watched.get(pathText(pathOf(path, 'filename'))) ?? [])]) watcher.close();
}
