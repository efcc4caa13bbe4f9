import { nearestTo } from '../internal/options.js';

/** The error for an unknown property, such as `response.statusCode`. */
export function unknownProperty(where: string, name: string, known: readonly string[]): TypeError {
  const nearest = nearestTo(name, known);
  const hint = nearest === undefined ? '.' : `; did you mean ${where}.${nearest}?`;
  return Object.assign(new TypeError(`${where}.${name} means nothing here${hint} Known are ${known.join(', ')}`), {
    code: 'ERR_UNKNOWN_OPTION',
  });
}

/**
 * Throws for a property of `given` that is none of `known`, because it would be ignored silently. An undefined property counts
 * as absent.
 */
export function refuseUnknown(where: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name) && (given as Record<string, unknown>)[name] !== undefined) throw unknownProperty(where, name, known);
  }
}
