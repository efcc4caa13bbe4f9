import type { Handler } from './exchange.js';

/** Answers a request as in `fetch`. */
export type FetchHandler = (request: globalThis.Request) => Response | PromiseLike<Response>;

/** An application with such a function. */
export interface FetchApplication {
  /** Answers a request. */
  readonly fetch: FetchHandler;
}

/** A handler that calls a function made for `fetch`; one that takes our requests is returned as it is. */
export function handlerOf(given: Handler | FetchApplication | FetchHandler): Handler {
  if (typeof given === 'object' && (given as unknown) !== null && typeof given.fetch === 'function') {
    return (request) => given.fetch(request.toWeb());
  }
  if (typeof given === 'function' && given.name === 'fetch') return (request) => (given as FetchHandler)(request.toWeb());
  return given as Handler;
}
