import { AsyncLocalStorage } from 'node:async_hooks';

/** Runs a function without the async context of its caller: what outlives a request must not keep what that request's context holds. */
export const outside = AsyncLocalStorage.snapshot();
