/** Compares bytes as bytes: item by item, as `toEqual` would, half a megabyte takes a second. */
import { expect } from 'vitest';

expect.addEqualityTesters([(one, other) => {
  if (!Buffer.isBuffer(one) || !Buffer.isBuffer(other)) return undefined;
  // What differs is shown item by item.
  return one.equals(other) || undefined;
}]);
