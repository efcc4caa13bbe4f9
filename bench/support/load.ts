/** The load of the benches that need many connections, pipelining or bodies: `peers/load.c`, on a core of its own. */

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BenchError, Unavailable } from './bench.js';
import { buildC } from './cache.js';
import { cpuSeconds } from './cpu.js';
import { LOAD_CORE, pinned, start } from './process.js';
import type { ServerProcess } from './server.js';

export interface LoadPlan {
  connections: number;
  /** Seconds with every connection open before the window, and of the window. */
  warmUp: number;
  seconds: number;
  /** After which a connection is closed and opened anew; 0 for never. */
  requestsPerConnection: number;
  /** Requests in flight on each connection. */
  depth: number;
  /** `GZIP`: a GET that accepts gzip. */
  method: 'GET' | 'POST' | 'GZIP';
  /** `/path*weight`, weights adding up to 1000; or one path. */
  paths: readonly string[];
}

export interface LoadWindow {
  requestsPerSecond: number;
  bytesPerSecond: number;
  cpuPerRequest: number;
  /** Connections that ended before their answers were there. */
  failures: number;
}

/**
 * Runs the load to its end; throws {@link Unavailable} when the server cannot cope with that many connections. The window and the
 * server's CPU time begin when every connection is open.
 */
export async function runLoad(server: ServerProcess, plan: LoadPlan): Promise<LoadWindow> {
  const { connections, warmUp, seconds, requestsPerConnection, depth, method, paths } = plan;
  const numbers = [server.port, connections, warmUp, seconds, requestsPerConnection, depth].map(String);
  const child = start(pinned(LOAD_CORE, [await buildC('load'), ...numbers, method, ...paths]));
  let complaint = '';
  child.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-500)));
  const closed = once(child, 'close');
  let before = 0;
  let cpu = 0;
  let result: { requests: number; bytes: number; failures: number; seconds: number } | undefined;
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line === 'begin') {
      before = cpuSeconds(server.pid);
      continue;
    }
    cpu = cpuSeconds(server.pid) - before;
    result = JSON.parse(line) as typeof result;
  }
  await closed;
  if (!result) {
    const why = `${server.name}, ${connections} connections: ${complaint.trim() || 'no result'}`;
    // Too many for that server is something to say about it; everything else is an error of the bench.
    throw /connected after|not the response/.test(complaint) ? new Unavailable(why) : new BenchError(why);
  }
  if (result.requests === 0) throw new BenchError(`${server.name} answered nothing in ${seconds} s`);
  return {
    requestsPerSecond: result.requests / result.seconds,
    bytesPerSecond: result.bytes / result.seconds,
    cpuPerRequest: (cpu / result.requests) * 1e6,
    failures: result.failures,
  };
}
