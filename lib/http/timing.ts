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

// As they are now: what a recording puts in their place would make the report's looks a part of it.
const now = performance.now.bind(performance);
const random = Math.random.bind(Math);

/** Whether a report wants the times of requests. A handler costs one check of it while it is false. */
export let timing = false;

/** So many requests in a row are timed at one stride; when that took less than `LEAST_GAP_MS` for each, the stride doubles. */
const RUN = 32;
/** A server that was idle a moment ago may get 100,000 requests a second before the report gives a new stride. */
const LEAST_GAP_MS = 4;
const MOST_STRIDE = 1 << 20;

let report: (time: RequestTime) => void = () => undefined;
/** About every so many requests are timed, at about 1 µs each. */
let stride = 1;
/** Requests since the last one that was timed, and at which of them the next one is. */
let since = 0;
let due = 1;
let timedInRun = 0;
let runBegan = 0;

/** Times about every `every`-th request from now on, and fewer when these come fast. */
export function timeRequests(every: number, to = report): void {
  timing = true;
  report = to;
  stride = every;
  due = Math.min(due, since + every);
  timedInRun = 0;
}

export function stopTiming(): void {
  timing = false;
  report = () => undefined;
  since = 0;
}

/** The next request to be timed: not every `stride`-th exactly, because routes may take turns in that many steps. */
function next(began: number): void {
  since = 0;
  if (timedInRun++ === 0) runBegan = began;
  if (timedInRun > RUN) {
    if (began - runBegan < RUN * LEAST_GAP_MS) stride = Math.min(stride * 2, MOST_STRIDE);
    timedInRun = 0;
  }
  due = Math.ceil(stride / 2) + Math.floor(random() * stride);
}

/** Calls the handler, and perhaps tells how long that took. Parks. */
export function timedAnswer(owner: Owner, request: Request): ResponseLike | PromiseLike<ResponseLike> {
  const timed = !owner.observing && ++since >= due;
  const weight = since;
  const { method, target } = timed ? request : NOTHING;
  const began = timed ? now() : 0;
  if (timed) next(began);
  let failed = true;
  try {
    // One call for both: coroutines of the same handler have the same stack, by which reports put them together.
    let response = owner.handler(request);
    const promised = response as PromiseLike<ResponseLike> | undefined;
    if (timed && typeof promised?.then === 'function') response = wait(promised);
    failed = false;
    return response;
  } finally {
    if (timed) report({ method, target, ms: now() - began, failed, weight });
  }
}

const NOTHING = { method: '', target: '' };
