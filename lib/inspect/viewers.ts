import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { threadId } from 'node:worker_threads';

import { sleep, yieldNow } from '../coroutine/sleep.js';
import { root, rootUrl } from '../internal/root.js';
import { holdersOf } from '../internal/waiting.js';
import { inspectCoroutine } from '../observe/dump.js';
import { stats } from '../observe/stats.js';
import { runQueueState } from './next.js';
import { systemQueues, serverStates } from './queues.js';
import { recorder } from './recorder.js';
import { RouteRecorder } from './routes.js';
import type { ParkedCoroutine, PointDetails, Update } from './wire.js';

/** How often a viewer is told, in milliseconds. */
const UPDATE_MS = 1_000;
/** The second message comes sooner: only then there are rates. */
const FIRST_UPDATE_MS = 150;
const LATELY_MS = 500;
/** The points that are shown are those where most happens. */
const MOST_POINTS = 120;
/** The coroutines of a point that are shown. */
const MOST_COROUTINES = 100;
/** How many stacks are read before other coroutines may run: about a millisecond. */
const SLICE = 25;

const routes = new RouteRecorder();
let viewers = 0;
let routesAt = 0;
/** The point in time from which `busyLately` counts. */
let before: { at: number; utilization: EventLoopUtilization } | undefined;

/** A viewer comes. Call the result once, when it leaves. */
function come(): () => void {
  const leaveRecorder = recorder.start();
  if (viewers++ === 0) {
    routes.start();
    routesAt = performance.now();
  }
  return () => {
    leaveRecorder();
    if (--viewers === 0) routes.stop();
  };
}

/** The state of this thread, as the page gets it. */
export function update(): Update {
  recorder.update();
  const time = performance.now();
  if (viewers > 0 && time - routesAt >= FIRST_UPDATE_MS * 0.6) {
    routes.endTick((time - routesAt) / 1_000);
    routesAt = time;
  }
  const { points, paths } = recorder.view();
  points.sort((a, b) => b.parked + b.rate - a.parked - a.rate);
  const shown = points.slice(0, MOST_POINTS);
  const ids = new Set(shown.map(({ id }) => id));
  const about = summary();
  return {
    ...about,
    points: shown,
    paths: paths.filter(({ from, to }) => ids.has(from) && ids.has(to)),
    queues: [...about.queues, ...recorder.queues],
    routes: routes.times,
    deadlocks: recorder.deadlocks,
    runQueue: runQueueState(),
  };
}

/** The figures alone, which take no look at coroutines. */
export function summary(): Update {
  const s = stats();
  const servers = serverStates();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    pid: process.pid, thread: threadId, time: performance.now(), uptime: process.uptime() * 1_000,
    live: s.live, peak: s.peak, ready: s.ready, parks: s.parks, switches: s.switches, spawned: s.spawned,
    loopLag: s.loopLag, busy: busyLately(), diskJobs: s.diskJobs, timers: s.timers, sockets: s.openSockets, holds: s.holds,
    rss, heap: heapUsed, external,
    stackReserved: s.stackBytesReserved, stackResident: s.stackBytesResident, stacksPooled: s.stacksPooled,
    servers, queues: systemQueues(s, servers),
    points: [], paths: [], routes: [], deadlocks: [],
  };
}

/** The share of time in which the loop was not idle, over the last second or so. */
function busyLately(): number {
  const now = performance.eventLoopUtilization();
  const { utilization } = before ? performance.eventLoopUtilization(now, before.utilization) : now;
  const at = performance.now();
  if (!before || at - before.at >= LATELY_MS) before = { at, utilization: now };
  return utilization;
}

/** The body of a stream of server-sent events; a viewer that leaves ends it. Parks. */
export function* events(): Iterable<string> {
  const leave = come();
  try {
    yield 'retry: 2000\n\n';
    for (let first = true; ; first = false) {
      yield `data: ${JSON.stringify(update())}\n\n`;
      sleep(first ? FIRST_UPDATE_MS : UPDATE_MS);
    }
  } finally {
    leave();
  }
}

/** The coroutines that are parked at a point. Parks. */
export function pointDetails(id: number): PointDetails {
  const point = recorder.view().points.find((one) => one.id === id);
  const { deadlocked } = recorder;
  const coroutines: ParkedCoroutine[] = [];
  const { stack: lastStack, found } = recorder.at(id, MOST_COROUTINES);
  for (const [i, { coroutine: c, stack: before }] of found.entries()) {
    if (i % SLICE === SLICE - 1) yieldNow();
    // It has gone on since.
    if (c.state !== 'parked' || c.stack() !== before) continue;
    const { name, parkedOn = '', parkedFor = 0, stack, spawnedAt = '' } = inspectCoroutine(c);
    const holders = (c.waitsFor && holdersOf(c.waitsFor)) ?? [];
    coroutines.push({
      id: c.id, name, parkedOn, parkedFor, spawnedAt,
      stack: legible(stack),
      deadlocked: deadlocked.has(c),
      holders: holders.map((holder) => ({ id: holder.id, name: holder.name, state: holder.state, parkedOn: holder.parkedOn ?? '' })),
    });
  }
  return { point, coroutines, lastStack: legible(lastStack) };
}

/** The library's own files are named from its root on. */
function legible(stack: string): string {
  return stack.replaceAll(rootUrl, 'stackful/').replaceAll(root, 'stackful/');
}
