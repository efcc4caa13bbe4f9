import { threadId } from 'node:worker_threads';

import { wait } from '../async/wait.js';
import { spawn, type Coroutine } from '../coroutine/coroutine.js';
import { yieldNow } from '../coroutine/sleep.js';
import { serve, type Request, type ResponseLike, type Server, type ServerAddress } from '../http.js';
import { knownOptions } from '../internal/options.js';
import { markObserver } from '../observe/deadlock.js';
import { dumpText, inspectCoroutine, visibleCoroutines, type CoroutineInfo } from '../observe/dump.js';
import { stats } from '../observe/stats.js';
import { blockingGraph, graphText } from './graph.js';
import { metrics } from './metrics.js';
import { PAGE } from './page.js';

/** The options of {@link inspect}. */
export interface InspectOptions {
  /** Default 0: a free port, which is `inspector.port`. */
  port?: number;
  /** Every client that can connect sees names, stacks and file paths of the program. Default 127.0.0.1. */
  host?: string;
}

/** The live inspector. {@link inspect} makes one. */
export interface Inspector {
  /** The port it listens on. */
  readonly port: number;
  /** Where it listens. */
  readonly address: ServerAddress | string;
  /** Ends it; requests under way may take another second. The returned coroutine ends when they have. */
  close(): Coroutine<void>;
}

const KNOWN = new Set(['port', 'host']);
const DEFAULT_LIMIT = 1_000;
const MOST = 100_000;
/** How many stacks are read before other coroutines may run: about a millisecond. */
const SLICE = 25;
const DRAIN_MS = 1_000;

/** The name in the abstract namespace of Unix sockets under which `stackful inspect PID` finds a process. */
export function inspectorPath(pid: number): string {
  return `\0stackful-inspect-${String(pid)}`;
}

const json = (value: unknown): ResponseLike => ({
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: JSON.stringify(value),
});
const text = (body: string): ResponseLike => ({
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body,
});

/** Describes many coroutines, and lets them run in between. Parks. */
function inspectMany(limit: number): { infos: CoroutineInfo[]; total: number } {
  const all = visibleCoroutines();
  const infos: CoroutineInfo[] = [];
  for (const [i, c] of all.slice(0, limit).entries()) {
    if (i % SLICE === SLICE - 1) yieldNow();
    if (c.state !== 'done') infos.push(inspectCoroutine(c));
  }
  return { infos, total: all.length };
}

function limitOf(request: Request): number {
  const limit = Number(request.query.get('limit') ?? DEFAULT_LIMIT);
  return limit >= 0 && limit <= MOST ? Math.floor(limit) : DEFAULT_LIMIT;
}

/** Whether the Host is an address or localhost: a foreign page can reach us only by a name of its own (DNS rebinding). */
function fromHere(request: Request): boolean {
  const host = request.headers.get('host');
  return !host || /^(localhost|[\d.]+|\[[\da-f:.]+\])(:\d+)?$/i.test(host);
}

const ROUTES: Readonly<Record<string, (request: Request) => ResponseLike>> = {
  '/': () => ({ headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: PAGE }),
  '/dump': (request) => {
    const group = request.query.get('group');
    const { infos, total } = inspectMany(limitOf(request));
    return text(`${dumpText(infos, total, group === null ? undefined : group !== '0')}\n`);
  },
  '/coroutines.json': (request) => json(inspectMany(limitOf(request))),
  '/graph': () => text(graphText(blockingGraph())),
  '/graph.json': () => json(blockingGraph()),
  '/stats.json': () => json({ pid: process.pid, thread: threadId, uptime: process.uptime(), ...stats() }),
  '/metrics': () => ({
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
    body: wait(metrics()),
  }),
};

function answer(request: Request): ResponseLike {
  if (!fromHere(request)) return { status: 403, body: 'only by address\n' };
  const route = Object.hasOwn(ROUTES, request.path) ? ROUTES[request.path] : undefined;
  if (!route) return { status: 404, body: `try ${Object.keys(ROUTES).join(' ')}\n` };
  try {
    return route(request);
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_CANCELLED') throw error;
    return { status: 500, body: `${String(error)}\n` };
  }
}

function start(options: { port?: number; host?: string; path?: string }): Server {
  const server = serve(answer, { maxConnections: 32, ...options }).unref();
  server.observe();
  return server;
}

/**
 * Serves the state of this thread's coroutines, on a port for browsers and Prometheus, and under the process's id for
 * `stackful inspect PID`: `/` a page, `/dump`, `/coroutines.json`, `/graph` and `/graph.json` (which coroutine waits for
 * which), `/stats.json`, `/metrics`.
 *
 * The inspector does not keep the process alive, and does not show its own coroutines. It runs on the same thread, so it
 * cannot respond while code holds that: use `configure({ dumpSignal, watchdog })` for those cases.
 *
 * @throws system errors of `listen`, such as `EADDRINUSE`; TypeError (`ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { inspect } from 'stackful/inspect';
 *
 * const inspector = inspect({ port: 0 });
 * const response = await fetch(`http://127.0.0.1:${inspector.port}/stats.json`);
 * console.log(typeof (await response.json() as { live: number }).live); // number
 * await inspector.close();
 * ```
 */
export function inspect(options: InspectOptions = {}): Inspector {
  knownOptions('inspect', options, KNOWN);
  const server = start({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' });
  let byPid: Server | undefined;
  try {
    byPid = start({ path: inspectorPath(process.pid) });
  } catch {
    // Another thread of this process has the inspector under the process's id.
  }
  return {
    port: server.port,
    address: server.address,
    close() {
      const closing = spawn(() => {
        const both = [server.close({ deadline: DRAIN_MS }), byPid?.close({ deadline: DRAIN_MS })];
        for (const one of both) one?.join();
      }, { name: 'inspect close' });
      markObserver(closing);
      return closing;
    },
  };
}
