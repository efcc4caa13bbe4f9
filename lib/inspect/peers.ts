import { spawn } from '../coroutine/coroutine.js';
import { sleep } from '../coroutine/sleep.js';
import { timeout } from '../coroutine/timeout.js';
import type { Request, ResponseLike } from '../http.js';
import { connect } from '../net/connect.js';
import type { Socket } from '../net/socket.js';
import { markObserver } from '../observe/deadlock.js';
import { SECURITY } from './assets.js';
import type { Update } from './wire.js';

/** How long a process may take to answer, in milliseconds. */
const PATIENCE_MS = 5_000;
const UPDATE_MS = 1_000;
const LONGEST_HEAD = 16_384;
/** What of a response's head is passed on. */
const PASSED = ['content-type', 'content-disposition', 'cache-control'] as const;

/** The name in the abstract namespace of Unix sockets under which `stackful inspect PID` finds a process. */
export function inspectorPath(pid: number): string {
  return `\0stackful-inspect-${String(pid)}`;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  socket: Socket;
}

/** Sends a GET to the inspector of another process. The caller closes the socket, from which the body is read. Parks. */
function ask(pid: number, target: string): Answer {
  return timeout(PATIENCE_MS, () => {
    const socket = connect({ path: inspectorPath(pid) });
    try {
      // HTTP/1.0: the body comes as it is, and its end is the connection's.
      socket.write(`GET ${target} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n`);
      const head = socket.readUntil('\r\n\r\n', { limit: LONGEST_HEAD })?.toString('latin1') ?? '';
      const headers: Record<string, string> = { ...SECURITY };
      for (const name of PASSED) {
        const value = new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];
        if (value !== undefined) headers[name] = value.trim();
      }
      return { status: Number(/^HTTP\/1\.[01] (\d+)/.exec(head)?.[1] ?? 502), headers, socket };
    } catch (error) {
      socket.close();
      throw error;
    }
  });
}

function* bodyOf({ socket }: Answer): Iterable<Uint8Array> {
  try {
    yield* socket;
  } finally {
    socket.close();
  }
}

/** Passes a request on to the inspector of the process `pid`. Parks. */
export function passOn(pid: number, request: Request): ResponseLike {
  const query = new URLSearchParams(request.query);
  query.delete('pid');
  const answer = ask(pid, query.size > 0 ? `${request.path}?${query.toString()}` : request.path);
  return { status: answer.status, headers: answer.headers, body: bodyOf(answer) };
}

/** Undefined when the process does not answer, because it starts, ends or hangs. Parks. */
function summaryOf(pid: number): Update | undefined {
  try {
    const body = timeout(PATIENCE_MS, () => Buffer.concat([...bodyOf(ask(pid, '/summary.json'))]));
    return JSON.parse(body.toString()) as Update;
  } catch {
    return undefined;
  }
}

/** The figures of each process, once a second, as server-sent events; a viewer that leaves ends it. Parks. */
export function* peerEvents(pids: () => readonly number[]): Iterable<string> {
  yield 'retry: 2000\n\n';
  for (;;) {
    const asked = pids().map((pid) => {
      const asking = spawn(() => summaryOf(pid), { name: 'inspect peer' });
      markObserver(asking);
      return asking;
    });
    const updates = asked.map((asking) => asking.join()).filter((update) => update !== undefined);
    yield `data: ${JSON.stringify(updates)}\n\n`;
    sleep(UPDATE_MS);
  }
}
