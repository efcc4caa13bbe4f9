import { inspect } from 'node:util';

import type { Coroutine } from '../coroutine/coroutine.js';
import { NotInCoroutineError } from '../coroutine/errors.js';
import { invalidType } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { checkName, type ControlBlock } from './control_block.js';
import { ThreadError, type ThreadExitError } from './errors.js';
import { heard, type CANCELED, type Outcome } from './outcome.js';
import { nextId } from './thread_ids.js';

/** What threads are made of: coroutines of one thread of Node's, or workers. */
export type ThreadKind = 'coroutines' | 'workers';

/** Whether a thread can still be joined. */
type Fate = 'joinable' | 'being joined' | 'joined' | 'detached';
const FATES: readonly Fate[] = ['joinable', 'being joined', 'joined', 'detached'];

/** Where a thread is known: what runs it, what tells its end, and what other workers see of it. */
interface ThreadParts {
  id?: number;
  name?: string;
  kind?: ThreadKind;
  detached?: boolean;
  control?: ControlBlock;
}

/**
 * A thread; {@link create} makes one, {@link self} is the one that runs. `await thread` joins it from code outside coroutines.
 *
 * @example
 * ```ts
 * import { create, join } from 'stackful/threads';
 *
 * const main = create(() => {
 *   const worker = create((n: number) => n * 2, 21, { name: 'doubler' });
 *   return `${worker.name}: ${String(join(worker))}`;
 * });
 * console.log(await main); // doubler: 42
 * ```
 */
export class Thread<R = unknown> implements PromiseLike<R | typeof CANCELED> {
  /** Its number, from 1 on, different from that of every other thread of this program. */
  readonly id: number;
  /** @internal */
  readonly kind: ThreadKind;
  /** @internal */
  readonly control: ControlBlock | undefined;
  /** The coroutine that runs it, if that is one of this worker. @internal */
  runner: Coroutine | undefined;
  /** The coroutine whose end is the thread's: the runner, or where the thread was created the one that waits for its worker. @internal */
  ending: Coroutine | undefined;
  /** Whether `create` made it, which handles what `exit` throws. @internal */
  mayExit = false;
  /** What `exit` has thrown. @internal */
  exiting: ThreadExitError | undefined;
  /** How it has ended. @internal */
  outcome: Outcome<R> | undefined;
  /** The values of its keys, from the first on. @internal */
  specifics: Map<object, unknown> | undefined;
  private givenName: string | undefined;
  private localFate: Fate = 'joinable';

  /** @internal */
  constructor({ id = nextId(), name, kind = 'coroutines', detached = false, control }: ThreadParts) {
    this.id = id;
    this.kind = kind;
    this.control = control;
    if (detached) this.fate = 'detached';
    this.givenName = name;
  }

  /** What `options.name` of `create` said, or what was assigned since. Of a thread in a worker every thread sees the same. */
  get name(): string {
    return this.control?.name ?? this.givenName ?? this.runner?.name ?? '';
  }

  /** At most 63 bytes of UTF-8. @throws ThreadError (`ERANGE`) */
  set name(name: string) {
    checkName('thread.name', name);
    if (this.control) this.control.name = name;
    else this.givenName = name;
    this.runner?.nameBy(() => this.name);
  }

  /** @internal */
  get fate(): Fate {
    return this.control ? FATES[this.control.fate]! : this.localFate;
  }

  /** @internal */
  set fate(fate: Fate) {
    if (this.control) this.control.fate = FATES.indexOf(fate);
    else this.localFate = fate;
  }

  /** @internal */
  get label(): string {
    return `thread ${nameOf(this)}`;
  }

  /** @internal */
  [inspect.custom](): string {
    return `Thread ${nameOf(this)}`;
  }

  /** Joins it, for `await`. @throws ThreadError (`EINVAL`, `ESRCH`, `ENOTSUP`) as `join` does */
  then<A = R | typeof CANCELED, B = never>(
    onFulfilled?: ((value: R | typeof CANCELED) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    let ended: Promise<unknown>;
    try {
      ended = this.toJoin('await').promise;
    } catch (error) {
      return Promise.reject<R | typeof CANCELED>(error).then(onFulfilled, onRejected);
    }
    this.fate = 'being joined';
    return ended.finally(() => { this.fate = 'joined'; }).then((value) => heard(this, value)).then(onFulfilled, onRejected);
  }

  /** The coroutine to join. @internal */
  toJoin(operation: string): Coroutine {
    this.checkJoinable(operation);
    if (!this.ending) throw new ThreadError(operation, 'ENOTSUP', `only threads of the worker that created ${this.label} can join it`);
    return this.ending;
  }

  /** @internal */
  checkJoinable(operation: string): void {
    const { fate } = this;
    if (fate === 'joined') throw new ThreadError(operation, 'ESRCH', `${this.label} has been joined`);
    if (fate !== 'joinable') throw new ThreadError(operation, 'EINVAL', `${this.label} is ${fate}`);
  }
}

const threads = new WeakMap<Coroutine, Thread>();

/** From now on `coroutine` runs `thread`. */
export function runIn(coroutine: Coroutine, thread: Thread): void {
  thread.runner = coroutine;
  threads.set(coroutine, thread);
}

/** After the thread's end. Entries of ended coroutines made creating and joining a thread four times as slow: 1.9 us, not 0.47. */
export function runsNoMore(coroutine: Coroutine): void {
  threads.delete(coroutine);
}

export function threadOf(coroutine: Coroutine): Thread | undefined {
  return threads.get(coroutine);
}

/** Returns `thread` if it is one. */
export function threadIn(thread: Thread): Thread {
  if (!(thread instanceof Thread)) throw invalidType('thread', 'a Thread', thread);
  return thread;
}

/**
 * The thread that runs. A coroutine that `create` did not make is a thread, too: it can be joined and cancelled, and has locks and values
 * of keys, but it cannot `exit`, and no destructors run at its end.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) on the main stack
 *
 * @example
 * ```ts
 * import { create, join, self } from 'stackful/threads';
 *
 * await create(() => {
 *   const other = create(() => self().name, undefined, { name: 'other' });
 *   console.log(join(other), self() === other); // other false
 * });
 * ```
 */
export function self(): Thread {
  return runningThread('self');
}

/** See {@link self}. @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), for `operation` */
export function runningThread(operation: string): Thread {
  const coroutine = current();
  if (!coroutine) throw new NotInCoroutineError(operation);
  const known = threads.get(coroutine);
  if (known) return known;
  const adopted = new Thread({});
  runIn(coroutine, adopted);
  adopted.ending = coroutine;
  return adopted;
}

/**
 * Whether two handles are of one thread. Over workers a handle that was passed to another thread is another object there.
 *
 * @example
 * ```ts
 * import { create, equal, self } from 'stackful/threads';
 *
 * await create(() => {
 *   console.log(equal(self(), self())); // true
 * });
 * ```
 */
export function equal(a: Thread, b: Thread): boolean {
  return a.id === b.id;
}
