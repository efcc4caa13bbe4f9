import { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { Barrier } from '../sync/barrier.js';
import { Channel } from '../sync/channel.js';
import { Condition } from '../sync/condition.js';
import { Event } from '../sync/event.js';
import { Mutex } from '../sync/mutex.js';
import { ReadWriteLock } from '../sync/read_write_lock.js';
import { Semaphore } from '../sync/semaphore.js';
import { WaitGroup } from '../sync/wait_group.js';

/**
 * What a turn has touched, and whether it may have changed it. Runs make their objects anew, so these go by keys: an object made in
 * turns that two runs have in common has the same key in both, because it is numbered as it is made.
 */
export type Accesses = Map<Key, boolean>;

/** A name given to `touch`, or a number; coroutines have negative ones, symbols are defined below. */
type Key = string | number | symbol;

/** What every turn touches, when coroutines may share everything. */
const EVERYTHING = Symbol('everything');
/** What `random` touches: the order of calls decides who gets which number. */
const GENERATOR = Symbol('generator');

/** Whether the order of two turns with these accesses may make a difference. */
export function conflict(a: Accesses, b: Accesses): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const [key, changed] of few) {
    const other = many.get(key);
    if (other !== undefined && (changed || other)) return true;
  }
  return false;
}

export function merge(into: Accesses, from: Accesses): void {
  for (const [key, changed] of from) into.set(key, changed || into.get(key) === true);
}

/** Objects whose methods tell of themselves while a turn is watched. */
const WATCHED = [Barrier, Channel, Condition, Coroutine, Event, Mutex, ReadWriteLock, Semaphore, WaitGroup];
/** What never changes. */
const CONSTANT = new Set(['constructor', 'name', 'label', 'id']);

/**
 * Notes what each turn of a run touches. With `declared`, methods of locks, channels and coroutines are replaced, while it is on,
 * by ones that tell of themselves first: so they cost nothing when no exploration runs.
 */
export class AccessLog {
  private now: Accesses = new Map();
  /** What the calls touch that a coroutine is in the middle of: they go on in its later turns. */
  private readonly within = new Map<Coroutine, Key[]>();
  private readonly replaced: [object: object, name: string | symbol, property: PropertyDescriptor][] = [];
  private listening = false;
  /** The numbers of a lock and of a coroutine made right before the run, and before the first run. */
  private base = { lock: 0, coroutine: 0 };
  private readonly firstBase = { lock: new Event().id, coroutine: 0 };

  constructor(private readonly declared: boolean) {}

  begin(): void {
    if (!this.declared) return;
    for (const { prototype } of WATCHED as readonly { prototype: object }[]) {
      for (const name of Reflect.ownKeys(prototype)) this.replace(prototype, name);
    }
  }

  end(): void {
    for (const [object, name, property] of this.replaced) Object.defineProperty(object, name, property);
    this.replaced.length = 0;
  }

  /** A run begins: its first turn is that of `root`. */
  run(root: Coroutine): void {
    this.base = { lock: new Event().id, coroutine: root.id - 1 };
    if (this.firstBase.coroutine === 0) this.firstBase.coroutine = this.base.coroutine;
    this.within.clear();
  }

  /** A turn of `coroutine` begins. */
  turn(coroutine: Coroutine): void {
    this.now = new Map();
    if (!this.declared) {
      this.now.set(EVERYTHING, true);
      return;
    }
    // Whoever cancels or wakes it changes what it does.
    this.now.set(this.keyOf(coroutine), false);
    for (const key of this.within.get(coroutine) ?? []) this.now.set(key, true);
    // A call of `select` is in several queues.
    if (coroutine.parkedOn?.startsWith('select')) merge(this.now, this.before.get(coroutine) ?? new Map<Key, boolean>());
    this.before.set(coroutine, this.now);
    this.listening = true;
  }

  private readonly before = new WeakMap<Coroutine, Accesses>();

  /** The turn is over; what promise callbacks do until the next one still counts as done by it. */
  get accesses(): Accesses {
    return this.now;
  }

  touch(key: Key, change: boolean): void {
    if (this.declared) this.now.set(key, change || this.now.get(key) === true);
  }

  drew(): void {
    this.touch(GENERATOR, true);
  }

  private keyOf(object: unknown): Key {
    const { id } = object as { id: number };
    const coroutine = object instanceof Coroutine;
    const kind = coroutine ? 'coroutine' : 'lock';
    // What was there before the first run is the same in all.
    if (id <= this.firstBase[kind]) return `${kind} before #${String(id)}`;
    return coroutine ? this.base.coroutine - id : id - this.base.lock;
  }

  private replace(prototype: object, name: string | symbol): void {
    const property = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (CONSTANT.has(String(name)) || !property.configurable) return;
    const { value, get } = property as { value?: unknown; get?: (this: unknown) => unknown };
    this.replaced.push([prototype, name, property]);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the functions below have a `this` of their own
    const log = this;
    if (typeof value === 'function') {
      const method = value as (this: unknown, ...args: unknown[]) => unknown;
      Object.defineProperty(prototype, name, {
        ...property,
        value(this: unknown, ...args: unknown[]) {
          if (!log.listening) return method.apply(this, args);
          const key = log.keyOf(this);
          log.touch(key, true);
          const self = current();
          if (!self) return method.apply(this, args);
          const calls = log.within.get(self) ?? [];
          log.within.set(self, calls);
          calls.push(key);
          try {
            return method.apply(this, args);
          } finally {
            calls.pop();
          }
        },
      });
    } else if (get) {
      Object.defineProperty(prototype, name, {
        ...property,
        get(this: unknown) {
          if (log.listening) log.touch(log.keyOf(this), false);
          return get.call(this);
        },
      });
    }
  }
}
