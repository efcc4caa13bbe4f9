/** A server under test: a pinned child process that is asked for its answer before anything is measured. */

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError } from './bench.js';
import { hasEnded, pinned, start, SUBJECT_CORE } from './process.js';

const START_DEADLINE_MS = 10_000;

export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** A port without a listener at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function tryConnect(port: number): Promise<Socket | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return undefined;
  }
}

/** Starts a server on the subject's core; returns when it accepts connections. */
export async function startServer(name: string, command: (port: number) => string[]): Promise<ServerProcess> {
  const port = await freePort();
  const child = start(pinned(SUBJECT_CORE, command(port)));
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-2000);
  };
  child.stdout!.on('data', collect);
  child.stderr!.on('data', collect);
  const closed = once(child, 'close');

  for (const began = Date.now(); ; await delay(20)) {
    if (hasEnded(child)) {
      await closed;
      const status = child.exitCode ?? child.signalCode;
      throw new BenchError(`${name} ended before it listened (${status}):\n${output}`);
    }
    const socket = await tryConnect(port);
    if (socket) {
      socket.destroy();
      break;
    }
    if (Date.now() - began > START_DEADLINE_MS) {
      child.kill();
      throw new BenchError(`${name} did not listen within ${START_DEADLINE_MS} ms:\n${output}`);
    }
  }

  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    await closed;
    clearTimeout(timer);
  };
  return { name, pid: child.pid!, port, stop };
}

interface Answer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Takes one response off the front of `text`; undefined when it is not complete. */
function takeAnswer(text: string): { answer: Answer; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error('no Content-Length');
  const rest = text.slice(end + 4);
  if (rest.length < length) return undefined;
  return {
    answer: { status: Number(statusLine.split(' ')[1]), headers, body: rest.slice(0, length) },
    rest: rest.slice(length),
  };
}

/**
 * Asks three times on one connection, the last two requests in one packet, and compares every answer with
 * `body`. A peer that skips a header or closes the connection would do less work than the others, so it is
 * not measured.
 */
export async function checkServer({ name, port }: ServerProcess, body: string): Promise<void> {
  const socket = await tryConnect(port);
  if (!socket) throw new BenchError(`${name} does not accept connections`);
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const timer = setTimeout(() => socket.destroy(new Error('no answer within 5 s')), 5000);
  let text = '';
  let answers = 0;
  try {
    socket.write(request);
    for await (const chunk of socket.setEncoding('latin1')) {
      text += chunk as string;
      for (let taken = takeAnswer(text); taken; taken = takeAnswer(text)) {
        const { status, headers, body: got } = taken.answer;
        text = taken.rest;
        if (status !== 200) throw new Error(`status ${status}`);
        if (got !== body) throw new Error(`body ${JSON.stringify(got)}`);
        if (!headers.get('content-type')) throw new Error('no Content-Type');
        if (Number.isNaN(Date.parse(headers.get('date') ?? ''))) throw new Error('no Date');
        answers++;
        if (answers === 1) socket.write(request + request);
      }
      if (answers === 3) return;
    }
    throw new Error(`connection closed after ${answers} of 3 answers`);
  } catch (error) {
    throw new BenchError(`${name} answers wrongly: ${(error as Error).message}`);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
