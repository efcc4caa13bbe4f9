import type { TimeoutScope } from '../timeout.js';

/**
 * The open timeouts of this thread, and what stands for an abort signal, by the number that native/binding/scopes.cc gives them: what an
 * interrupted call looks at to say who ended it. A number is used again when its scope is left.
 */
export const openScopes: (TimeoutScope | { readonly reason: unknown } | undefined)[] = [];
