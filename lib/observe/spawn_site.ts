import { isNativeError } from 'node:util/types';

import type { Coroutine } from '../coroutine/coroutine.js';
import { native } from '../internal/native.js';
import { root } from '../internal/root.js';

/** The coroutines spawned at one place of the program; see `configure({ spawnSites: true })`. */
export interface SpawnSite {
  /** Where `spawn` was called, such as `handler (/app/server.js:12:5)`. */
  site: string;
  /** How many were spawned there. */
  spawned: number;
  /** How many of them are not done. */
  live: number;
  /** How many bytes of its stack the deepest of them has used, in whole pages of 4096. */
  deepestStack: number;
}

const sites = new Map<string, SpawnSite>();
let siteOf = new WeakMap<Coroutine, SpawnSite>();

/** Whether spawn sites are recorded; see `configure`. @internal */
export let recordsSpawnSites = false;

/** @internal */
export function setRecordSpawnSites(on: boolean): void {
  if (on === recordsSpawnSites) return;
  recordsSpawnSites = on;
  native.setCleanStacks(on);
  sites.clear();
  siteOf = new WeakMap();
}

/** Remembers where the caller spawns `coroutine`. @internal */
export function recordSpawnSite(coroutine: Coroutine): void {
  const name = native.callSite(root);
  let site = sites.get(name);
  if (!site) sites.set(name, (site = { site: name, spawned: 0, live: 0, deepestStack: 0 }));
  site.spawned++;
  site.live++;
  siteOf.set(coroutine, site);
}

/** Called at the coroutine's end, on its own stack. @internal */
export function recordEnd(coroutine: Coroutine): void {
  const site = siteOf.get(coroutine);
  if (!site) return;
  site.live--;
  recordDepth(site, coroutine);
}

function recordDepth(site: SpawnSite, coroutine: Coroutine): void {
  site.deepestStack = Math.max(site.deepestStack, coroutine.stackUse()?.deepest ?? 0);
}

/**
 * Where a coroutine was spawned, such as `handler (/app/server.js:12:5)`; undefined unless `configure({ spawnSites: true })`
 * was called before.
 *
 * @example
 * ```ts
 * import { configure, spawn } from 'stackful';
 * import { spawnSiteOf } from 'stackful/inspect';
 *
 * configure({ spawnSites: true });
 * const coroutine = spawn(() => undefined);
 * console.log(spawnSiteOf(coroutine)?.includes('.mjs')); // true
 * configure({ spawnSites: false });
 * ```
 */
export function spawnSiteOf(coroutine: Coroutine): string | undefined {
  return siteOf.get(coroutine)?.site;
}

/**
 * The recorded sites, deepest stack first; empty unless they are recorded.
 *
 * @param live coroutines whose stacks it measures now
 * @internal
 */
export function spawnSites(live: readonly Coroutine[]): SpawnSite[] {
  for (const coroutine of live) {
    const site = siteOf.get(coroutine);
    if (site) recordDepth(site, coroutine);
  }
  return [...sites.values()].map((site) => ({ ...site })).sort((a, b) => b.deepestStack - a.deepestStack);
}

/**
 * Appends the coroutine to the stack of its unhandled error, because Node's report would not name it.
 * @internal
 */
export function appendCoroutine(error: unknown, coroutine: Coroutine): void {
  const hint = recordsSpawnSites ? '' : ' [configure({ spawnSites: true }) tells where it was spawned]';
  appendLine(error, `${coroutine.label}${hint}`);
}

/**
 * Appends where `coroutine` was spawned, if that is known, to the stack of an error that leaves it. An error that passes
 * through several coroutines gets a line for each, the innermost first. @internal
 */
export function appendSpawnSite(error: unknown, coroutine: Coroutine): void {
  const site = spawnSiteOf(coroutine);
  if (site !== undefined) appendLine(error, `spawn ${site}`);
}

function appendLine(error: unknown, line: string): void {
  // Not `instanceof`: the error may come from another context. `Reflect.set` leaves a frozen one as it is.
  if (!isNativeError(error)) return;
  try {
    if (typeof error.stack === 'string') Reflect.set(error, 'stack', `${error.stack}\n    at ${line}`);
  } catch {
    // A getter or Error.prepareStackTrace of the program threw: the coroutine still has to end.
  }
}
