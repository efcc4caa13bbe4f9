import { invalidValue } from '../internal/arguments.js';
import { SharedChannel } from '../sync/shared_channel.js';
import { ControlBlock } from './control_block.js';
import { Key } from './key.js';
import { Mutex } from './mutex.js';
import { SharedBarrier, SharedBarrierCore } from './shared_barrier.js';
import { SharedCondition, SharedConditionCore } from './shared_condition.js';
import { SharedCore } from './shared_core.js';
import { SharedMutex, SharedMutexCore } from './shared_mutex.js';
import { SharedOnce, SharedOnceCore } from './shared_once.js';
import { SharedReadWriteCore, SharedReadWriteLock } from './shared_read_write_lock.js';
import { SharedSemaphore, SharedSemaphoreCore } from './shared_semaphore.js';
import { ORDERS } from './thread_ids.js';
import { ThreadObject } from './thread_object.js';
import { Thread } from './thread.js';

/** What a thread, a lock or the like is on its way to another worker. */
interface Parcel {
  /** The index in {@link UNPACKING} of what it becomes again. Its name tells a parcel from other objects. */
  [ORDERS]: number;
  words: Int32Array;
  options: object;
}

type Passed = Thread | ThreadObject | SharedChannel<unknown>;
type Unpack = (words: Int32Array, options: object) => Passed;

const UNPACKING: readonly (readonly [type: abstract new (...args: never) => object, unpack: Unpack])[] = [
  [Thread, threadFrom],
  [SharedMutex, (words, options) => new SharedMutex(options, new SharedMutexCore(words))],
  [SharedCondition, (words, options) => new SharedCondition(options, new SharedConditionCore(words))],
  [SharedReadWriteLock, (words, options) => new SharedReadWriteLock(options, new SharedReadWriteCore(words))],
  [SharedBarrier, (words, options) => new SharedBarrier(1, options, new SharedBarrierCore(words))],
  [SharedSemaphore, (words, options) => new SharedSemaphore(0, options, new SharedSemaphoreCore(words))],
  [SharedChannel, (words, options) => SharedChannel.from(words.buffer as SharedArrayBuffer, options)],
  [SharedOnce, (words, options) => new SharedOnce(options, new SharedOnceCore(words))],
];

function threadFrom(words: Int32Array): Thread {
  const control = new ControlBlock(words);
  return new Thread({ id: control.id, kind: 'workers', control });
}

function parcelOf(value: Passed): Parcel {
  const options = value instanceof Mutex ? { name: value.name, type: value.type } : { name: value.name };
  const words = wordsOf(value);
  if (!words) throw invalidValue('value', "without threads and locks over coroutines: those of over('workers') can be passed", value);
  return { [ORDERS]: UNPACKING.findIndex(([type]) => value instanceof type), words, options };
}

function wordsOf(value: Passed): Int32Array | undefined {
  if (value instanceof SharedChannel) return new Int32Array(value.handle);
  if (value instanceof Thread) return value.control?.words;
  return value.core instanceof SharedCore ? value.core.words : undefined;
}

/** A copy of `value` for `postMessage`, with parcels for threads, locks and the like. */
export function encode(value: unknown): unknown {
  return copyOf(value, new Map(), (one) => {
    if (one instanceof Thread || one instanceof ThreadObject || one instanceof SharedChannel) return parcelOf(one);
    if (one instanceof Key) throw invalidValue('value', 'without keys, of which every worker makes its own', one);
    return undefined;
  });
}

/** What {@link encode} was given, as far as it can be copied. */
export function decode(value: unknown): unknown {
  return copyOf(value, new Map(), (one) => {
    const { [ORDERS]: index, words, options } = one as Partial<Parcel>;
    return index === undefined ? undefined : UNPACKING[index]![1](words!, options!);
  });
}

/**
 * Copies the arrays, plain objects, maps and sets in `value`, with their references to each other, and in place of an object what
 * `replacement` returns for it, unless that is undefined.
 */
function copyOf(value: unknown, copies: Map<object, unknown>, replacement: (one: object) => object | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const replaced = replacement(value);
  if (replaced) {
    copies.set(value, replaced);
    return replaced;
  }
  const copy = (part: unknown) => copyOf(part, copies, replacement);
  if (Array.isArray(value)) {
    const array: unknown[] = [];
    copies.set(value, array);
    for (const part of value) array.push(copy(part));
    return array;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    copies.set(value, map);
    for (const [key, part] of value) map.set(copy(key), copy(part));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set<unknown>();
    copies.set(value, set);
    for (const part of value) set.add(copy(part));
    return set;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const object: Record<string, unknown> = {};
  copies.set(value, object);
  for (const [key, part] of Object.entries(value)) {
    // An assignment to `__proto__` would set the prototype.
    Object.defineProperty(object, key, { value: copy(part), writable: true, enumerable: true, configurable: true });
  }
  return object;
}
