import { threadId } from 'node:worker_threads';

import type { Coroutine, CoroutineState } from '../coroutine/coroutine.js';
import { numberIn } from '../internal/arguments.js';
import { coroutines } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { describeWaitable } from '../internal/waiting.js';
import { isObserver } from './deadlock.js';
import { spawnSiteOf } from './spawn_site.js';

/** The options of `dump`. */
export interface DumpOptions {
  /** How many coroutines to show with their stacks, at about 30 µs each; the others are counted. Default 1,000. */
  limit?: number;
  /** Shows coroutines with the same stack in one entry. Default: when there are more than 100. */
  group?: boolean;
}

/** The state of one coroutine at one moment. */
export interface CoroutineInfo {
  /** The coroutine's number. */
  id: number;
  /** Its name; '' if it has none. */
  name: string;
  /** What it does. */
  state: CoroutineState;
  /** What it is parked on, such as `mutex.lock Mutex #3 held by #7 writer`. */
  parkedOn?: string;
  /** For how many milliseconds it has been parked, to about 4. */
  parkedFor?: number;
  /** The ids of the coroutines that hold what it waits for, where known. */
  waitsFor?: number[];
  /** JavaScript frames, the innermost first; empty when it has not begun. */
  stack: string;
  /** How deep its stack has been, and its size, in bytes. */
  stackUse?: { deepest: number; size: number };
  /** Where it was spawned, if spawn sites are recorded. */
  spawnedAt?: string;
}

const KNOWN = new Set(['limit', 'group']);
const DEFAULT_LIMIT = 1_000;
const GROUP_FROM = 100;
/** How many coroutines the entry of a group names. */
const NAMED = 5;

/** Describes one coroutine; reads its stack. @internal */
export function inspectCoroutine(c: Coroutine, runningStack?: string): CoroutineInfo {
  const state = c.state;
  const info: CoroutineInfo = {
    id: c.id,
    name: c.name,
    state,
    stack: state === 'running' && runningStack !== undefined ? runningStack : c.stack(),
  };
  if (state === 'parked') {
    const object = c.waitsFor;
    const parkedOn = c.parkedOn ?? '';
    info.parkedOn = object ? `${parkedOn.replace(/ #\d+$/, '')} ${describeWaitable(object)}` : parkedOn;
    info.parkedFor = c.parkedFor;
    const holders = object?.heldBy?.();
    if (holders) info.waitsFor = [holders].flat().map((holder) => holder.id);
  }
  const use = c.stackUse();
  if (use) info.stackUse = { deepest: use.deepest, size: use.size };
  const site = spawnSiteOf(c);
  if (site !== undefined) info.spawnedAt = site;
  return info;
}

/** The live coroutines without the library's own. @internal */
export function visibleCoroutines(): Coroutine[] {
  return coroutines().filter((c) => !isObserver(c));
}

/** `12ms`, `3.4s`, `5m 20s`, `3h 2m`. @internal */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${String(Math.round(ms))}ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const [whole, unit, rest, small] = seconds < 3_600
    ? [seconds / 60, 'm', seconds % 60, 's'] as const
    : [seconds / 3_600, 'h', (seconds % 3_600) / 60, 'm'] as const;
  return `${String(Math.floor(whole))}${unit} ${String(Math.floor(rest))}${small}`;
}

function situation({ state, parkedOn, stack }: CoroutineInfo): string {
  if (parkedOn !== undefined) return `parked on ${parkedOn}`;
  return state === 'ready' && stack === '' ? 'ready, not started' : state;
}

function entry(heading: string, info: CoroutineInfo): string {
  const lines = [heading];
  if (info.stack) lines.push(info.stack);
  const use = info.stackUse;
  if (use) lines.push(`    stack: ${String(use.deepest / 1024)} of ${String(use.size / 1024)} KiB used`);
  if (info.spawnedAt !== undefined) lines.push(`    spawned at ${info.spawnedAt}`);
  return lines.join('\n');
}

function single(info: CoroutineInfo): string {
  const age = info.parkedFor === undefined ? '' : `, for ${durationText(info.parkedFor)}`;
  return entry(`${nameOf(info)}: ${situation(info)}${age}`, info);
}

function grouped(members: readonly CoroutineInfo[]): string {
  const [first] = members as [CoroutineInfo];
  if (members.length === 1) return single(first);
  const ages = members.map((m) => m.parkedFor ?? 0);
  const [least, most] = [Math.min(...ages), Math.max(...ages)].map(durationText) as [string, string];
  const age = first.parkedFor === undefined ? '' : `, for ${least === most ? least : `${least} to ${most}`}`;
  const kind = first.parkedOn === undefined ? situation(first) : `parked on ${first.parkedOn.split(' ')[0]!}`;
  const named = members.slice(0, NAMED).map(nameOf).join(', ');
  return entry(`${String(members.length)} coroutines: ${kind}${age}: ${named}${members.length > NAMED ? ', …' : ''}`, first);
}

function groups(infos: readonly CoroutineInfo[]): CoroutineInfo[][] {
  const byPlace = new Map<string, CoroutineInfo[]>();
  for (const info of infos) {
    const place = [info.state, info.parkedOn?.split(' ')[0], info.stack, info.spawnedAt].join('\n');
    const group = byPlace.get(place);
    if (group) group.push(info);
    else byPlace.set(place, [info]);
  }
  return [...byPlace.values()].sort((a, b) => b.length - a.length);
}

/** `{ 'running': 1, 'parked on sleep': 20 }`, of all coroutines. It reads no stacks, so it is fast for any number. @internal */
export function census(): Map<string, number> {
  return new Map(native.census());
}

function countText(counts: Iterable<[string, number]>): string {
  return [...counts].map(([what, count]) => `${String(count)} ${what}`).join(', ');
}

/** @internal */
export function dumpText(infos: CoroutineInfo[], total: number, group = total > GROUP_FROM): string {
  const counts = [...census()].sort(([, a], [, b]) => b - a);
  const head = `stackful: ${String(total)} coroutine${total === 1 ? '' : 's'}, pid ${String(process.pid)}, ` +
    `thread ${String(threadId)}, ${new Date().toISOString()}`;
  infos.sort((a, b) => a.id - b.id);
  const parts = [counts.length > 0 ? `${head}\n(${countText(counts)})` : head];
  parts.push(...(group ? groups(infos).map(grouped) : infos.map(single)));
  if (infos.length < total) parts.push(`… and ${String(total - infos.length)} more`);
  return parts.join('\n\n');
}

/**
 * A text about every live coroutine: its name, its state, what it is parked on and for how long, its JavaScript stack, and
 * where it was spawned if that is recorded (`configure({ spawnSites: true })`).
 *
 * `dump` reads the stacks of `options.limit` coroutines at most; more than 100 are grouped by stack, unless `options.group`
 * says otherwise.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`)
 *
 * @example
 * ```ts
 * import { dump, Mutex, spawn, yieldNow } from 'stackful';
 *
 * const mutex = new Mutex({ name: 'accounts' });
 * await spawn(() => {
 *   using lock = mutex.lock();
 *   spawn(() => mutex.withLock(() => 'done'), { name: 'waiting' });
 *   yieldNow();
 *   console.log(dump().includes('mutex.lock Mutex')); // true
 * });
 * ```
 */
export function dump(options: DumpOptions = {}): string {
  knownOptions('dump', options, KNOWN);
  const limit = numberIn('options.limit', options.limit ?? DEFAULT_LIMIT, 0, Infinity);
  const all = visibleCoroutines();
  return dumpText(all.slice(0, limit).map((c) => inspectCoroutine(c)), all.length, options.group);
}
