import { fileURLToPath } from 'node:url';
import { isNativeError } from 'node:util/types';

import type { Coroutine } from './coroutine.js';
import { native } from './internal/native.js';

/** What the coroutines spawned at one place of the program have used; see `configure({ spawnSites: true })`. */
export interface SpawnSite {
  /** Where `spawn` was called, such as `handler (/app/server.js:12:5)`. */
  site: string;
  /** How many were spawned there, and how many of them are not done. */
  spawned: number;
  live: number;
  /** Deepest use of a stack by any of them, in bytes of its `stackSize`, to a page of 4096. */
  deepestStack: number;
}

/** Frames of this library are not where the user spawned. */
const LIBRARY = fileURLToPath(new URL('.', import.meta.url));

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
  const name = native.callSite(LIBRARY);
  let site = sites.get(name);
  if (!site) sites.set(name, (site = { site: name, spawned: 0, live: 0, deepestStack: 0 }));
  site.spawned++;
  site.live++;
  siteOf.set(coroutine, site);
}

/** To be called at the coroutine's end, on its own stack. @internal */
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
 */
export function spawnSiteOf(coroutine: Coroutine): string | undefined {
  return siteOf.get(coroutine)?.site;
}

/**
 * The recorded sites, deepest stack first; empty unless they are recorded.
 *
 * @param live the coroutines whose stacks are to be looked at now
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
 * Appends where `coroutine` was spawned, if that is known, to the stack of an error that leaves it. One that passes
 * through several coroutines has a line for each, the innermost first. @internal
 */
export function appendSpawnSite(error: unknown, coroutine: Coroutine): void {
  const site = spawnSiteOf(coroutine);
  // Not `instanceof`: it may come from another context. One that is frozen stays as it is.
  if (site === undefined || !isNativeError(error) || typeof error.stack !== 'string') return;
  Reflect.set(error, 'stack', `${error.stack}\n    at spawn ${site}`);
}
