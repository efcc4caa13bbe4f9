import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { serve, type Handler, type ServeOptions, type Server } from 'stackful/http';

const servers: Server[] = [];

/** A server on a free port of 127.0.0.1, closed after the test. What handlers throw lands in `errors`. */
export function start(handler: Handler, options: ServeOptions = {}): Server & { errors: unknown[] } {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const where = options.path === undefined ? { host: '127.0.0.1' } : {};
  const server = serve(handler, { ...where, onError, ...options });
  servers.push(server);
  return Object.assign(server, { errors });
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ deadline: 0 })));
});

export const url = (server: Server, path = '/'): string => `http://127.0.0.1:${server.port}${path}`;

/** A connected socket; errors show in what is read from it, not as exceptions. */
export async function open(server: Server): Promise<Socket> {
  const socket =
    typeof server.address === 'string' ? connect(server.address) : connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Everything up to the end of the stream (or its reset), as Latin-1. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  // Resumed for those that a test has paused before.
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk)).resume();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** Sends the pieces, one packet each if possible, then the end of the stream; returns all that comes back. */
export async function exchange(server: Server, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = await open(server);
  socket.setNoDelay();
  const answer = readAll(socket);
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await delay(2);
    socket.write(piece, 'latin1' as never);
  }
  socket.end();
  return answer;
}

export interface Answer {
  status: number;
  reason: string;
  headers: Record<string, string>;
  body: string;
}

/** Takes responses apart. `heads`: which of them answer HEAD, and so have no body. */
export function parse(text: string, heads: readonly number[] = []): Answer[] {
  const answers: Answer[] = [];
  while (text !== '') {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`no end of a head in ${JSON.stringify(text)}`);
    const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(statusLine!);
    if (!match) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [, name, value] = /^([^:\s]+): (.*)$/.exec(line)!;
      headers[name!.toLowerCase()] = value!;
    }
    text = text.slice(end + 4);
    const status = Number(match[1]);
    let body = '';
    if (heads.includes(answers.length) || status < 200 || status === 204 || status === 304) {
      // Without a body, even where one is announced.
    } else if (headers['transfer-encoding'] === 'chunked') {
      for (;;) {
        const line = text.indexOf('\r\n');
        const size = Number.parseInt(text.slice(0, line), 16);
        if (!(size >= 0)) throw new Error(`no chunk size: ${JSON.stringify(text.slice(0, 20))}`);
        if (text.slice(line + 2 + size, line + 4 + size) !== '\r\n') throw new Error('chunk without its end');
        body += text.slice(line + 2, line + 2 + size);
        text = text.slice(line + 4 + size);
        if (size === 0) break;
      }
    } else {
      const length = headers['content-length'] === undefined ? text.length : Number(headers['content-length']);
      if (text.length < length) throw new Error(`a body of ${text.length} bytes instead of ${length}`);
      body = text.slice(0, length);
      text = text.slice(length);
    }
    answers.push({ status, reason: match[2]!, headers, body });
  }
  return answers;
}

/** The only answer to some input. */
export async function ask(server: Server, ...pieces: (string | Buffer)[]): Promise<Answer> {
  const answers = parse(await exchange(server, ...pieces));
  if (answers.length !== 1) throw new Error(`${answers.length} answers`);
  return answers[0]!;
}

/** Until `condition` holds; the test's own time limit is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

export const get = (path = '/', ...lines: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

export const post = (body: string, ...lines: string[]): string =>
  `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
  `${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
