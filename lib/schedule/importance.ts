import type { Coroutine } from '../coroutine/coroutine.js';
import { oneOf } from '../internal/arguments.js';
import { current } from '../internal/current.js';

// The part of regulation that `spawn` needs. ./regulation.ts needs coroutines that sleep.

/** How important a coroutine's work is. */
export type Importance = 'normal' | 'low';

/** Those of low importance that have begun and have not ended. */
export const lowImportance = new Set<Coroutine>();

/** What is done when one of them ends. */
export const atEnd = { of: (coroutine: Coroutine): void => void coroutine };

/** The body of a coroutine of this importance. @internal */
export function withImportance<R>(name: string, importance: Importance, body: () => R): () => R {
  if (oneOf(name, importance, ['normal', 'low']) === 'normal') return body;
  const regulated = (): R => {
    const self = current()!;
    lowImportance.add(self);
    try {
      return body();
    } finally {
      lowImportance.delete(self);
      atEnd.of(self);
    }
  };
  return Object.defineProperty(regulated, 'name', { value: body.name });
}
