import { fileURLToPath } from 'node:url';

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
