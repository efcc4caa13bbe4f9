import { inspect } from 'node:util';

import { File } from '../fs/file.js';
import { EBADF } from '../internal/results.js';
import { systemError } from '../internal/system_errors.js';
import { Listener } from '../net/listener.js';
import { CLOSED } from '../net/native.js';
import { Socket } from '../net/socket.js';
import { SocketClosedError } from '../net/errors.js';
import { Stdio } from './native.js';

/**
 * What a child has as one of its descriptors: a pipe, `/dev/null`, the one with the same number here, or one that is given: its
 * number, a {@link File}, a `Socket` of `stackful/net`, a {@link ChildPipe} of another child, or an object of Node's that has a
 * descriptor.
 */
export type StdioEntry =
  'pipe' | 'overlapped' | 'ignore' | 'inherit' | number | File | Socket | { readonly fd: number } | null | undefined;

/** One entry for all three standard descriptors, or a list, which may go on beyond them. */
export type StdioOptions = 'pipe' | 'overlapped' | 'ignore' | 'inherit' | readonly StdioEntry[];

/** The numbers that `childStart` takes, and the sockets among them. */
export interface StdioPlan {
  numbers: number[];
  sockets: Set<Socket>;
}

/** Node makes the standard descriptors of a child blocking, for programs that know nothing of O_NONBLOCK. */
const STANDARD = 3;

/** Sends what writes to the sockets among them have put off. Parks. */
export function flushAll(stdio: StdioOptions | undefined): void {
  if (!Array.isArray(stdio)) return;
  const full = () => (stdio as StdioEntry[]).find((entry) => entry instanceof Socket && entry.buffered > 0) as Socket | undefined;
  for (let socket = full(); socket; socket = full()) socket.flush();
}

/** @throws TypeError (`ERR_INVALID_ARG_VALUE`), SocketClosedError (`ERR_SOCKET_CLOSED`), `EBADF` for a file that is closed */
export function planOf(stdio: StdioOptions | undefined): StdioPlan {
  const list: StdioEntry[] = typeof stdio === 'string' || stdio === undefined ? [stdio, stdio, stdio] : listOf(stdio);
  while (list.length < STANDARD) list.push(undefined);
  const plan: StdioPlan = { numbers: [], sockets: new Set() };
  list.forEach((entry, i) => { plan.numbers.push(...numbersOf(entry, i, plan)); });
  return plan;
}

function listOf(stdio: unknown): StdioEntry[] {
  if (!Array.isArray(stdio)) throw invalid(stdio);
  return [...(stdio as StdioEntry[])];
}

function numbersOf(entry: StdioEntry, i: number, plan: StdioPlan): [kind: number, number: number, blocking: number] {
  const blocking = i < STANDARD ? 1 : 0;
  const pipe = i < STANDARD ? Stdio.pipe : Stdio.bothWays;
  switch (entry) {
    case undefined:
    case null:
      return [i < STANDARD ? pipe : Stdio.ignore, -1, 0];
    case 'ignore':
      return [Stdio.ignore, -1, 0];
    case 'pipe':
    case 'overlapped':
      return [pipe, -1, 0];
    case 'inherit':
      return [Stdio.descriptor, i, blocking];
  }
  if (typeof entry === 'number') return entry < 0 ? [pipe, -1, 0] : [Stdio.descriptor, entry, blocking];
  if (entry instanceof Listener) throw invalid(entry);
  if (entry instanceof Socket) {
    if (entry.encrypted) throw invalid(entry, 'speaks TLS, which the child would not');
    if (entry.handle === CLOSED) throw new SocketClosedError('child_process.spawn');
    if (entry.unread > 0) throw invalid(entry, 'has received bytes that were not read: the child would not get them');
    plan.sockets.add(entry);
    return [Stdio.socket, entry.handle, 1];
  }
  if (entry instanceof File) {
    if (entry.fd === CLOSED) throw systemError(EBADF, 'spawn');
    return [Stdio.descriptor, entry.fd, blocking];
  }
  const fd = descriptorOf(entry);
  if (fd === undefined) throw invalid(entry, (entry as unknown) === 'ipc' ? 'needs node:child_process.fork' : 'is invalid');
  return [Stdio.descriptor, fd, blocking];
}

/** Of an object of Node's: a file handle, a stream, a socket. */
function descriptorOf(entry: unknown): number | undefined {
  const of = (one: unknown): number | undefined => {
    const { fd } = (one ?? {}) as { fd?: unknown };
    return typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 ? fd : undefined;
  };
  return of(entry) ?? of((entry as { _handle?: unknown } | undefined)?._handle);
}

function invalid(value: unknown, why = 'is invalid'): TypeError {
  return Object.assign(new TypeError(`The argument 'stdio' ${why}. Received ${inspect(value, { depth: 0 })}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
}
