import { wait } from '../async/wait.js';
import type { Owner } from './exchange.js';
import type { Request } from './request.js';
import type { ResponseLike } from './response.js';

/** How long a handler took for one request, waits included, until it had its response; what the client waits for besides is not in it. */
export interface RequestTime {
  method: string;
  /** Path and query, as the client sent them. */
  target: string;
  ms: number;
  failed: boolean;
  /** How many requests it stands for. */
  weight: number;
}

/** Whether a report wants the times of requests. A handler costs one check of it while it is false. */
export let timing = false;

let report: (time: RequestTime) => void = () => undefined;
/** Every so many requests are timed, at about 1 µs each. */
let stride = 1;
let untilNext = 1;

/** Times every `every`-th request from now on. */
export function timeRequests(every: number, to = report): void {
  timing = true;
  report = to;
  stride = every;
  untilNext = Math.min(untilNext, every);
}

export function stopTiming(): void {
  timing = false;
  report = () => undefined;
}

/** Calls the handler, and perhaps tells how long that took. Parks. */
export function timedAnswer(owner: Owner, request: Request): ResponseLike | PromiseLike<ResponseLike> {
  if (owner.observing || --untilNext > 0) return owner.handler(request);
  const weight = stride;
  untilNext = stride;
  const { method, target } = request;
  const began = performance.now();
  let failed = true;
  try {
    let response = owner.handler(request);
    const promised = response as PromiseLike<ResponseLike> | undefined;
    if (typeof promised?.then === 'function') response = wait(promised);
    failed = false;
    return response;
  } finally {
    report({ method, target, ms: performance.now() - began, failed, weight });
  }
}
