import { threadId } from 'node:worker_threads';

import { wait } from '../async/wait.js';
import { spawn, type Coroutine } from '../coroutine/coroutine.js';
import { yieldNow } from '../coroutine/sleep.js';
import { serve, type Request, type ResponseLike, type Server, type ServerAddress } from '../http.js';
import { booleanOf, invalidType } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { markObserver } from '../observe/deadlock.js';
import { dumpText, inspectCoroutine, visibleCoroutines, type CoroutineInfo } from '../observe/dump.js';
import { stats } from '../observe/stats.js';
import { Access, isLoopback, newToken } from './access.js';
import { asset, SECURITY } from './assets.js';
import { blockingGraph, graphText } from './graph.js';
import { metrics } from './metrics.js';
import { PROMETHEUS } from './metrics_server.js';
import { runQueueState, runQueueText } from './next.js';
import { inspectorPath, passOn, peerEvents } from './peers.js';
import { profile } from './profile.js';
import { recorder } from './recorder.js';
import { dropRecording, recording, recordingState } from './recording.js';
import { record } from './trace.js';
import { events, pointDetails, summary } from './viewers.js';

/** The options of {@link inspect}. */
export interface InspectOptions {
  /** Default 0: a free port, which is `inspector.port`. */
  port?: number;
  /** Every client that can connect, and has the token if there is one, sees names, stacks and paths of files. Default 127.0.0.1. */
  host?: string;
  /**
   * What a client must show: `Authorization: Bearer TOKEN`, or once `?token=TOKEN`, for which a browser gets a cookie. Default: none
   * on an address of this machine alone (127.0.0.1, ::1), and a random one, which is printed to stderr, on all others. `true`: a
   * random one there, too, which is not printed.
   */
  token?: string | true;
  /**
   * Whether a client may record what the servers of `stackful/http` of this thread are asked, for `simulate({ replay })`, and get the
   * file: it holds the requests and all that their handlers receive and read, passwords included. Default: false.
   */
  recordings?: boolean;
}

/** The live inspector. {@link inspect} makes one. */
export interface Inspector {
  /** The port it listens on. */
  readonly port: number;
  /** Where it listens. */
  readonly address: ServerAddress | string;
  /** What clients must show; undefined: nothing. */
  readonly token: string | undefined;
  /** Of the page, with the token. */
  readonly url: string;
  /** Ends it; requests under way may take another second. The returned coroutine ends when they have. */
  close(): Coroutine<void>;
}

const KNOWN = new Set(['port', 'host', 'token', 'recordings']);
const DEFAULT_LIMIT = 1_000;
const MOST = 100_000;
/** How many stacks are read before other coroutines may run: about a millisecond. */
const SLICE = 25;
const DRAIN_MS = 1_000;
/** A shorter token could be guessed; other characters have a meaning in a cookie or an address. */
const TOKEN = /^[\w-]{16,}$/;
const LONGEST_PROFILE_S = 60;

const json = (value: unknown): ResponseLike => ({
  headers: { ...SECURITY, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: JSON.stringify(value),
});
const text = (body: string): ResponseLike => ({
  headers: { ...SECURITY, 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
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

const stream = (body: Iterable<string>): ResponseLike => ({
  headers: { ...SECURITY, 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' },
  body,
});

/** The query's `seconds`, in milliseconds. */
function durationOf(request: Request): number {
  const seconds = Number(request.query.get('seconds') ?? 1);
  return seconds > 0 && seconds <= LONGEST_PROFILE_S ? seconds * 1_000 : 1_000;
}

const metricsIn = (page: Promise<string>): ResponseLike => ({
  headers: { ...SECURITY, 'Content-Type': PROMETHEUS, 'Cache-Control': 'no-store' },
  body: wait(page),
});

function trace(request: Request): ResponseLike {
  const body = record(durationOf(request));
  const name = `stackful-${String(process.pid)}.json`;
  return {
    headers: { ...SECURITY, 'Content-Type': 'application/json', 'Content-Disposition': `attachment; filename="${name}"`, 'Cache-Control': 'no-store' },
    body,
  };
}

const ROUTES: Readonly<Record<string, (request: Request) => ResponseLike>> = {
  '/': () => asset('index.html'),
  '/dump': (request) => {
    const group = request.query.get('group');
    const { infos, total } = inspectMany(limitOf(request));
    return text(`${dumpText(infos, total, group === null ? undefined : group !== '0')}\n`);
  },
  '/coroutines.json': (request) => json(inspectMany(limitOf(request))),
  '/graph': () => text(graphText(blockingGraph())),
  '/graph.json': () => json(blockingGraph()),
  '/stats.json': () => json({ pid: process.pid, thread: threadId, uptime: process.uptime(), ...stats() }),
  // Other processes: see inspectPeers.
  '/peers.json': () => json([]),
  '/next': () => text(runQueueText(runQueueState())),
  '/next.json': () => json(runQueueState()),
  '/recording': () => ({ status: 403, body: 'inspect({ recordings: true }) allows that\n' }),
  '/recording.json': () => json(recordingState(false)),
  '/summary.json': () => json(summary()),
  '/point.json': (request) => json(pointDetails(Number(request.query.get('id') ?? -1))),
  '/waiting.json': () => json(recorder.flame),
  '/running.json': (request) => json(profile(durationOf(request))),
  '/trace.json': trace,
  '/events': () => stream(events()),
  '/metrics': () => metricsIn(metrics()),
};

function answer(request: Request): ResponseLike {
  if (request.path.startsWith('/page/')) return asset(request.path.slice('/page/'.length)) ?? { status: 404, body: 'no such file\n' };
  const route = Object.hasOwn(ROUTES, request.path) ? ROUTES[request.path] : undefined;
  if (!route) return { status: 404, body: `try ${Object.keys(ROUTES).join(' ')}\n` };
  try {
    return route(request);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_CANCELLED') throw error;
    return { status: code === 'ERR_TRACE_BUSY' ? 409 : 500, body: `${String(error)}\n` };
  }
}

/** The same, and lets requests be recorded. */
function answerAndRecord(request: Request): ResponseLike {
  if (request.path === '/recording') return recording(request);
  return request.path === '/recording.json' ? json(recordingState(true)) : answer(request);
}

/** Answers for several processes: which one a request is for stands in its query. */
function answerFor(pids: () => readonly number[], page: () => Promise<string>): (request: Request) => ResponseLike {
  return (request) => {
    if (request.path === '/metrics' && !request.query.has('pid')) return metricsIn(page());
    if (request.path === '/' || request.path.startsWith('/page/')) return answer(request);
    if (request.path === '/peers.json') return json(pids().map((pid) => ({ pid })));
    if (request.path === '/peers') return stream(peerEvents(pids));
    const pid = Number(request.query.get('pid') ?? pids()[0]);
    if (!pids().includes(pid)) return { status: 404, body: 'no such process\n' };
    try {
      return passOn(pid, request);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === 'ERR_CANCELLED') throw error;
      return { status: 502, body: `process ${String(pid)} does not answer: ${String(error)}\n` };
    }
  };
}

interface Place { port?: number; host?: string; path?: string }

function start(place: Place, access: Access, respond: (request: Request) => ResponseLike): Server {
  const server = serve((request) => access.refusal(request) ?? respond(request), { maxConnections: 32, ...place }).unref();
  server.observe();
  return server;
}

/** @internal */
export function inspectByPid(access = new Access(undefined)): Server | undefined {
  try {
    return start({ path: inspectorPath(process.pid) }, access, answer);
  } catch {
    // Another thread of this process has the inspector under the process's id.
    return undefined;
  }
}

/**
 * Serves the state of this thread's coroutines, on a port for browsers and Prometheus, and under the process's id for
 * `stackful inspect PID`: `/` a page, `/dump`, `/coroutines.json`, `/graph` and `/graph.json` (the blocking graph, and which
 * coroutine waits for which), `/next` and `/next.json` (which runs next, and why), `/trace.json?seconds=5` (a trace for Perfetto),
 * `/stats.json`, `/metrics`.
 *
 * While no page is open it costs nothing. With one, about fifty parks a second are sampled, and the stacks of up to two hundred
 * parked coroutines are read; `npm run bench -- inspect` measures what that costs. All that a client can do is to look: no request
 * changes anything, unless `recordings` allows that.
 * Requests with the `Host` or the `Origin` of another site are refused.
 *
 * The inspector does not keep the process alive, and does not show its own coroutines. It runs on the same thread, so it
 * cannot respond while code holds that: use `configure({ dumpSignal, watchdog })` for those cases.
 *
 * @throws system errors of `listen`, such as `EADDRINUSE`; TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`)
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
  const { port = 0, host = '127.0.0.1', recordings = false } = options;
  booleanOf('options.recordings', recordings);
  return open({ port, host }, tokenFor(host, options.token), recordings ? answerAndRecord : answer, inspectByPid);
}

/** The inspector of several processes, which have one each under their ids; `page`: the metrics of all of them. @internal */
export function inspectPeers(port: number, pids: () => readonly number[], page: () => Promise<string>): Inspector {
  return open({ port, host: '127.0.0.1' }, undefined, answerFor(pids, page), () => undefined);
}

function tokenFor(host: string, given: string | true | undefined): string | undefined {
  if (given !== undefined && given !== true && (typeof given !== 'string' || !TOKEN.test(given))) {
    throw invalidType('options.token', 'true, or a string of at least 16 letters, digits, "-" and "_"', given);
  }
  if (typeof given === 'string') return given;
  return given === true || !isLoopback(host) ? newToken() : undefined;
}

function open(
  place: { port: number; host: string },
  token: string | undefined,
  respond: (request: Request) => ResponseLike,
  beside: (access: Access) => Server | undefined,
): Inspector {
  const access = new Access(token);
  const server = start(place, access, respond);
  const byPid = beside(access);
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  const url = `http://${host}:${String(server.port)}/${token === undefined ? '' : `?token=${token}`}`;
  if (!isLoopback(place.host)) console.error(`stackful: inspector on ${url}`);
  return {
    port: server.port,
    address: server.address,
    token,
    url,
    close() {
      if (respond === answerAndRecord) dropRecording();
      const closing = spawn(() => {
        const both = [server.close({ deadline: DRAIN_MS }), byPid?.close({ deadline: DRAIN_MS })];
        for (const one of both) one?.join();
      }, { name: 'inspect close' });
      markObserver(closing);
      return closing;
    },
  };
}
