import type TS from 'typescript';

import { ts } from './typescript.js';

/** What a function of the language, of Node or of a package does with a function that it is given. */
export type HostEffect =
  | { readonly does: 'inline' }
  | { readonly does: 'main'; readonly how: string }
  /** Adds a listener, which whatever emits the event calls. */
  | { readonly does: 'listen'; readonly how: string }
  /** Does not call it. */
  | { readonly does: 'keep' }
  /** Nothing is known: perhaps it calls it, perhaps later. */
  | { readonly does: 'unknown' };

const INLINE: HostEffect = { does: 'inline' };
const LISTENERS = new Set(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener', 'addEventListener']);
const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'nextTick']);
/** Functions of Node that call back before they return. */
const NODE_INLINE = new Set([
  'run', 'runInAsyncScope', 'exit', 'enterWith', 'throws', 'doesNotThrow', 'runStores', 'traceSync', 'bind', 'snapshot', 'apply', 'call',
  'forEach', 'map', 'filter', 'every', 'some', 'reduce', 'find', 'findIndex', 'flatMap', 'sort', 'transferableAbortController', 'from',
]);
/** Functions that take functions and never call them, or do so for other callers. */
const KEPT = new Set([
  'captureStackTrace', 'inherits', 'removeListener', 'off', 'removeEventListener', 'clearTimeout', 'clearInterval',
  'defineProperty', 'freeze',
]);
const PROMISES = new Set(['then', 'catch', 'finally']);

function ownerName(declaration: TS.Declaration): string {
  const owner = declaration.parent as TS.Node | undefined;
  return owner && (ts.isInterfaceDeclaration(owner) || ts.isClassDeclaration(owner)) && owner.name ? owner.name.text : '';
}

/** @param name the name of the function as it is called */
export function hostEffect(declaration: TS.Declaration | undefined, name: string): HostEffect {
  if (!declaration) {
    // Of no known type: only names that mean one thing everywhere.
    return TIMERS.has(name) && name !== 'nextTick' ? { does: 'main', how: `the callback of ${name}` } : { does: 'unknown' };
  }
  if (KEPT.has(name)) return { does: 'keep' };
  const file = declaration.getSourceFile().fileName;
  const owner = ownerName(declaration);
  if (/\/lib\.[\w.]+\.d\.ts$/.test(file)) {
    if (PROMISES.has(name) && /Promise/.test(owner)) return { does: 'main', how: 'a promise callback' };
    if (TIMERS.has(name)) return { does: 'main', how: `the callback of ${name}` };
    if (LISTENERS.has(name)) return { does: 'listen', how: 'an event listener' };
    return owner === 'FinalizationRegistryConstructor' ? { does: 'main', how: 'a finalizer' } : INLINE;
  }
  if (/\/@types\/node\//.test(file)) {
    if (TIMERS.has(name)) return { does: 'main', how: `the callback of ${name}` };
    if (LISTENERS.has(name)) return { does: 'listen', how: 'an event listener' };
    if (NODE_INLINE.has(name)) return INLINE;
    if (/^[A-Z]/.test(name)) return { does: 'keep' };
    if (/\/(?:test|assert|util|vm|module|diagnostics_channel|async_hooks|repl|domain|stream)\b/.test(file.slice(file.lastIndexOf('/@types/node/')))) {
      return { does: 'unknown' };
    }
    return { does: 'main', how: `the callback of Node's ${name}` };
  }
  return { does: 'unknown' };
}
