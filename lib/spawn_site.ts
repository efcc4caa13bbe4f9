import { fileURLToPath } from 'node:url';
import { isNativeError } from 'node:util/types';

import type { Coroutine } from './coroutine.js';
import { native } from './internal/native.js';

/** Frames of this library are not where the user spawned. */
const LIBRARY = fileURLToPath(new URL('.', import.meta.url));

const sites = new WeakMap<Coroutine, string>();

/** Whether spawn sites are recorded; see `configure`. @internal */
export let recordsSpawnSites = false;

/** @internal */
export function setRecordSpawnSites(on: boolean): void {
  recordsSpawnSites = on;
}

/** Remembers where the caller spawns `coroutine`. @internal */
export function recordSpawnSite(coroutine: Coroutine): void {
  sites.set(coroutine, native.callSite(LIBRARY));
}

/**
 * Where a coroutine was spawned, such as `handler (/app/server.js:12:5)`; undefined unless `configure({ spawnSites: true })`
 * was called before.
 */
export function spawnSiteOf(coroutine: Coroutine): string | undefined {
  return sites.get(coroutine);
}

/**
 * Appends where `coroutine` was spawned, if that is known, to the stack of an error that leaves it. One that passes
 * through several coroutines has a line for each, the innermost first. @internal
 */
export function appendSpawnSite(error: unknown, coroutine: Coroutine): void {
  const site = sites.get(coroutine);
  // Not `instanceof`: it may come from another context. One that is frozen stays as it is.
  if (site === undefined || !isNativeError(error) || typeof error.stack !== 'string') return;
  Reflect.set(error, 'stack', `${error.stack}\n    at spawn ${site}`);
}
