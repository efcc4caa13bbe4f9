import type { Coroutine } from '../coroutine/coroutine.js';
import { runningServers } from '../http/server.js';
import { nameOf } from '../internal/names.js';
import type { Waitable } from '../internal/waiting.js';
import { holdersOf } from '../internal/waiting.js';
import type { RuntimeStats } from '../observe/stats.js';
import { SharedObject } from '../sync/shared_object.js';
import type { QueueState, ServerState } from './wire.js';

/** How many of the longest queues are shown. */
const MOST_QUEUES = 50;
/** How many holders a line names. */
const MOST_HOLDERS = 3;

/** The servers of this thread. */
export function serverStates(): ServerState[] {
  return runningServers().map((server) => {
    const { connections, requests, shed } = server.stats;
    const { address } = server;
    const where = typeof address === 'string' ? address : `${address.address}:${String(address.port)}`;
    return { address: where, connections, requests, shed, backlog: server.waiting };
  });
}

/** What the runtime and the kernel keep in line. */
export function systemQueues({ ready, diskJobs }: RuntimeStats, servers: readonly ServerState[]): QueueState[] {
  return [
    { kind: 'run queue', label: 'run queue', length: ready, oldest: -1, about: '' },
    { kind: 'disk pool', label: 'disk pool', length: diskJobs, oldest: -1, about: '' },
    ...servers.map(({ address, backlog }) => ({ kind: 'backlog', label: `backlog of ${address}`, length: backlog, oldest: -1, about: '' })),
  ];
}

/** The locks, channels and the like for which coroutines wait, the longest queue first. */
export function objectQueues(coroutines: readonly Coroutine[]): QueueState[] {
  const waits = new Map<Waitable, { length: number; oldest: number; kind: string }>();
  for (const c of coroutines) {
    const object = c.waitsFor;
    if (!object || c.state !== 'parked') continue;
    const wait = waits.get(object);
    if (wait) {
      wait.length++;
      wait.oldest = Math.max(wait.oldest, c.parkedFor);
    } else {
      waits.set(object, { length: 1, oldest: c.parkedFor, kind: (c.parkedOn ?? '').split(' ')[0]! });
    }
  }
  const longest = [...waits].sort(([, a], [, b]) => b.length - a.length || b.oldest - a.oldest).slice(0, MOST_QUEUES);
  return longest.map(([object, wait]) => ({ ...wait, label: object.label, about: aboutOf(object) }));
}

/** `held by #7 writer`, `length 3, capacity 10`. */
function aboutOf(object: Waitable): string {
  const holders = (holdersOf(object) ?? []).filter((holder) => (holder as unknown) !== object);
  if (holders.length > 0) {
    return `held by ${holders.slice(0, MOST_HOLDERS).map(nameOf).join(', ')}${holders.length > MOST_HOLDERS ? ' …' : ''}`;
  }
  if (!(object instanceof SharedObject)) return '';
  return Object.entries(object.about()).map(([name, value]) => `${name} ${String(value)}`).join(', ');
}
