import { invalidType } from './arguments.js';

/** If more than half of its letters differ, a name is no misspelling. */
const CLOSE = 0.5;
/** Between the same letters, but for their case, and one edit. */
const CONTAINED = 0.5;

/**
 * Throws for an option that the call does not have: a misspelled one, or one of another function. An undefined option counts
 * as absent.
 *
 * @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`)
 */
export function knownOptions(operation: string, options: object, known: ReadonlySet<string>): void {
  if (typeof options !== 'object') throw invalidType('options', 'of type object', options);
  for (const key in options) {
    if (!known.has(key)) refuse(operation, options, key, known);
  }
}

/** Throws for an unknown key, unless its value is undefined. @internal */
export function refuse(operation: string, options: object, key: string, known: ReadonlySet<string>): void {
  if ((options as Record<string, unknown>)[key] === undefined) return;
  const nearest = nearestTo(key, [...known]);
  const hint = nearest === undefined ? `there are ${[...known].join(', ')}` : `did you mean '${nearest}'?`;
  throw Object.assign(new TypeError(`${operation} has no option '${key}': ${hint}`), { code: 'ERR_UNKNOWN_OPTION' });
}

/** The name most like `word`, if one is like it: one contains the other, or few letters differ. */
export function nearestTo(word: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const distance = distanceBetween(word.toLowerCase(), name.toLowerCase());
    if (distance < least && distance <= Math.max(word.length, name.length) * CLOSE) [nearest, least] = [name, distance];
  }
  return nearest;
}

function distanceBetween(a: string, b: string): number {
  if (a === b) return 0;
  return a.includes(b) || b.includes(a) ? CONTAINED : editsBetween(a, b);
}

/** The Levenshtein distance: how many letters have to be inserted, deleted or replaced. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
