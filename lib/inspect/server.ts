import { threadId } from 'node:worker_threads';

import { spawn, type Coroutine } from '../coroutine.js';
import { markObserver } from '../deadlock.js';
import { dumpText, inspectCoroutine, visibleCoroutines, type CoroutineInfo } from '../dump.js';
import { serve, type Request, type ResponseLike, type Server, type ServerAddress } from '../http.js';
import { yieldNow } from '../scheduling.js';
import { stats } from '../stats.js';
import { wait } from '../wait.js';
import { blockingGraph, graphText } from './graph.js';
import { metrics } from './metrics.js';
import { PAGE } from './page.js';

export interface InspectOptions {
  /** Default 0: one that is free, see `inspector.port`. */
  port?: number;
  /** Whoever can connect sees names, stacks and file paths of the program. Default 127.0.0.1. */
  host?: string;
}

/** The live inspector; made by {@link inspect}. */
export interface Inspector {
  readonly port: number;
  readonly address: ServerAddress | string;
  /** Ends it, with requests under way. */
  close(): Coroutine<void>;
}

const DEFAULT_LIMIT = 1_000;
const MOST = 100_000;
/** Between two stacks others may run; so many are taken in one go, which is about a millisecond. */
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

/** Looks at many coroutines without keeping the thread from them for long. Parks. */
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

/** A page of another site may reach a loopback address by a name of its own (DNS rebinding), but not by number. */
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
 * Serves what can be seen of this thread's coroutines, on a port for people and Prometheus and under the process's id for
 * `stackful inspect PID`: `/` a page, `/dump`, `/coroutines.json`, `/graph` and `/graph.json` (who waits for whom),
 * `/stats.json`, `/metrics`.
 *
 * It does not keep the process alive, and its own coroutines are not shown. As it runs on the same thread, it cannot answer
 * while somebody holds that: `configure({ dumpSignal, watchdog })` is for those cases.
 *
 * @throws system errors of `listen`, such as `EADDRINUSE`
 */
export function inspect(options: InspectOptions = {}): Inspector {
  const server = start({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' });
  let byPid: Server | undefined;
  try {
    byPid = start({ path: inspectorPath(process.pid) });
  } catch {
    // Another thread of this process is found under its id.
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
