/** The load: wrk, one thread, on a core of its own. */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, note } from './bench.js';
import { benchDirectory } from './cache.js';
import { cpuSeconds } from './cpu.js';
import { installed, LOAD_CORE, openFilesLimit, pinned, run } from './process.js';

export interface Load {
  port: number;
  connections: number;
  seconds: number;
  /** Over TLS; `anew`: with a new connection for each request. */
  secure?: 'kept' | 'anew';
}

export interface LoadResult {
  requests: number;
  seconds: number;
}

interface Summary extends Record<'connect' | 'read' | 'write' | 'status' | 'timeout', number> {
  requests: number;
  microseconds: number;
}

/** Says what to install when there is no wrk, and refuses a number of connections that cannot be opened. */
export function requireWrk(connections: number): void {
  if (!installed('wrk')) throw new BenchError('the http bench needs wrk: apt-get install wrk');
  if (openFilesLimit() < connections + 100) {
    throw new BenchError(`${connections} connections need a higher limit on open files (ulimit -Hn)`);
  }
}

/** Keeps `connections` keep-alive connections busy, one request in flight on each. */
export async function wrk({ port, connections, seconds, secure }: Load): Promise<LoadResult> {
  const script = join(benchDirectory, 'support', 'wrk-summary.lua');
  const url = `${secure ? 'https' : 'http'}://127.0.0.1:${port}/`;
  const close = secure === 'anew' ? ['-H', 'Connection: close'] : [];
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, ...close, '-s', script, url];
  const output = await run(pinned(LOAD_CORE, ['wrk', ...args]));
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new BenchError(`wrk printed no summary: ${output}`);
  const { requests, microseconds, timeout, ...errors } = JSON.parse(line) as Summary;
  for (const [kind, count] of Object.entries(errors)) {
    if (count > 0) throw new BenchError(`wrk counted ${count} ${kind} errors on port ${port}`);
  }
  if (timeout > 0) note(`wrk counted ${timeout} requests slower than its 2 s timeout on port ${port}`);
  if (requests === 0) throw new BenchError(`wrk got no answer on port ${port}`);
  return { requests, seconds: microseconds / 1e6 };
}

/** For the closing of the last window's connections, which must not run in the next server's window. */
const SETTLE_MS = 300;

/** What a server does under a load. */
export interface ServerWindow {
  /** In microseconds. */
  readonly cpuPerRequest: number;
  readonly requestsPerSecond: number;
}

export async function measureWindow(server: { pid: number; port: number }, load: Omit<Load, 'port'>): Promise<ServerWindow> {
  const before = cpuSeconds(server.pid);
  const { requests, seconds } = await wrk({ ...load, port: server.port });
  await delay(SETTLE_MS);
  return { cpuPerRequest: ((cpuSeconds(server.pid) - before) / requests) * 1e6, requestsPerSecond: requests / seconds };
}
