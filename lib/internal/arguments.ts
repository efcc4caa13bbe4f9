import { inspect } from 'node:util';

// TypeErrors and RangeErrors with the codes that Node uses for bad arguments.

/** A name with a dot is an option's. */
const kindOf = (name: string) => (name.includes('.') ? 'property' : 'argument');

const MOST_SHOWN = 28;

/** What a value is, in Node's words. */
function received(value: unknown): string {
  if (value === null || value === undefined) return `Received ${String(value)}`;
  if (typeof value === 'function') return `Received function ${value.name}`;
  if (typeof value === 'object') {
    const made = (value.constructor as { name?: string } | undefined)?.name;
    return made ? `Received an instance of ${made}` : `Received ${inspect(value, { depth: -1 })}`;
  }
  const shown = inspect(value, { colors: false });
  return `Received type ${typeof value} (${shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN - 3)}...` : shown})`;
}

export function invalidType(name: string, expected: string, value: unknown): TypeError {
  return Object.assign(new TypeError(`The "${name}" ${kindOf(name)} must be ${expected}. ${received(value)}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

export function invalidValue(name: string, expected: string, value: unknown): TypeError {
  return Object.assign(new TypeError(`The ${kindOf(name)} '${name}' must be ${expected}. Received ${inspect(value)}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
}

export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  return Object.assign(new RangeError(`The value of "${name}" is out of range. It must be ${expected}. Received ${String(value)}`), {
    code: 'ERR_OUT_OF_RANGE',
  });
}

/** The most that an `int` of C takes. */
export const INT_MAX = 2 ** 31 - 1;

/** Returns `value` if it is a number from `least` to `most`. */
export function numberIn(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!(value >= least && value <= most)) throw outOfRange(name, `>= ${String(least)} and <= ${String(most)}`, value);
  return value;
}

/** The same for a whole number. */
export function integerIn(name: string, value: unknown, least: number, most: number): number {
  if (!Number.isInteger(numberIn(name, value, least, most))) throw outOfRange(name, 'an integer', value);
  return value as number;
}

/** Returns `value` if it is something to send or to write. */
export function dataOf(name: string, value: string | Uint8Array): string | Uint8Array {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalidType(name, 'of type string or an instance of Buffer or Uint8Array', value);
  }
  return value;
}

export function functionOf<F>(name: string, value: F): F {
  if (typeof value !== 'function') throw invalidType(name, 'a function', value);
  return value;
}

/** Returns `value` if it is one of `choices`. */
export function oneOf<T>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) throw invalidValue(name, `one of ${choices.map((c) => inspect(c)).join(', ')}`, value);
  return value;
}

export function booleanOf(name: string, value: boolean): boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
  return value;
}
