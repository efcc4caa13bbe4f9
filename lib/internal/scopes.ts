import type { TimeoutScope } from '../timeout.js';

/**
 * The open timeout and signal scopes of this thread, by the number that native/binding/scopes.cc gives them: what an
 * interrupted call looks at to say who ended it. A number is used again when its scope is left.
 */
export const openScopes: (TimeoutScope | AbortSignal | undefined)[] = [];
