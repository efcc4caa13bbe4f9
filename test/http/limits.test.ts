import { spawn as startProcess, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticFiles } from 'stackful/http';
import { openFilesLimit } from '../support/limits.js';
import { get, open, parse, post, readAll, start, until } from './helpers.js';

describe('time limits', () => {
  it('firstByteMs: for new connections, without a word', async () => {
    const server = start(() => 'x', { limits: { firstByteMs: 50 } });
    expect(await readAll(await open(server))).toBe('');
  });

  it('idleMs: for those that have had a request', async () => {
    const server = start(() => 'x', { limits: { idleMs: 50 } });
    const silent = await open(server);
    const used = await open(server);
    used.write(get());
    expect(parse(await readAll(used))).toHaveLength(1);
    expect(server.stats.connections).toBe(1);
    silent.destroy();
  });

  it('requestMs: for a body that comes steadily, and never ends', async () => {
    const server = start((request) => request.text(), { limits: { requestMs: 200 } });
    const socket = await open(server);
    const answer = readAll(socket);
    socket.write(post('x'.repeat(1000)).slice(0, -1000));
    const timer = setInterval(() => socket.write('x'), 20);
    expect(parse(await answer)[0]).toMatchObject({ status: 408, body: 'the body did not arrive in time\n' });
    clearInterval(timer);
  });
});

describe('a client that does not read its response', () => {
  const large = 40_000_000;
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    writeFileSync(join(directory, 'large'), Buffer.alloc(large));
  });
  afterAll(() => { rmSync(directory, { recursive: true }); });

  const handlers: [string, Parameters<typeof start>[0] | undefined][] = [
    ['whole', () => Buffer.alloc(large)],
    ['in parts', () => ({ body: Array.from({ length: 40 }, () => Buffer.alloc(1_000_000)) })],
    ['a file', undefined],
  ];
  it.each(handlers)('is cut off: %s', async (_name, handler) => {
    const server = start(handler ?? staticFiles(directory), { limits: { sendMs: 100 } });
    const socket = await open(server);
    socket.pause();
    socket.write(get('/large'));
    await until(() => server.stats.requests === 1);
    // Without a deadline of its own it waits for the connection, which is closed.
    await server.close();
    expect(server.stats.bytesSent).toBeLessThan(large);
    socket.destroy();
  });

  it.each(handlers)('but not one that is slow: %s', async (_name, handler) => {
    const sendMs = 400;
    const server = start(handler ?? staticFiles(directory), { limits: { sendMs } });
    /** The longest time without reading: on a busy machine a pause can become longer than it was meant. */
    const readSlowly = async () => {
      const socket = await open(server);
      socket.write(get('/large'));
      let received = 0;
      let last = performance.now();
      let longest = 0;
      socket.on('data', (chunk: Buffer) => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
        const before = received;
        received += chunk.length;
        // Twice as long as the patience, in all.
        if (Math.floor(before / 5e6) === Math.floor(received / 5e6)) return;
        socket.pause();
        setTimeout(() => socket.resume(), 100);
      });
      await until(() => received > large || socket.closed);
      socket.destroy();
      return { whole: received > large, longest };
    };
    let result = await readSlowly();
    for (let i = 0; i < 20 && !result.whole && result.longest > sendMs / 2; i++) {
      server.errors.length = 0;
      result = await readSlowly();
    }
    expect(result.whole).toBe(true);
    expect(server.errors).toEqual([]);
  });
});

const root = fileURLToPath(new URL('../..', import.meta.url));
const CROWD = 5000;

/** A server in a process of its own: its descriptors and the crowd's do not fit in one. */
async function startServer(script: string): Promise<{ child: ChildProcess; port: number }> {
  const child = startProcess(process.execPath, ['--input-type=module', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(line.toString()) };
}

describe.skipIf(openFilesLimit() < CROWD + 1000)(`a slowloris of ${CROWD} connections (needs that many descriptors)`, () => {
  /** How many were there at once, with this patience; all have been thrown out. */
  async function mostAtOnce(headMs: number): Promise<number> {
    const { child, port } = await startServer(`
      import { serve } from './dist/http.js';
      const server = serve(() => String(server.stats.connections), { host: '127.0.0.1', limits: { headMs: ${headMs} } });
      console.log(server.port);
    `);
    const crowd: Socket[] = [];
    try {
      const ask = async () => Number(await (await fetch(`http://127.0.0.1:${port}/`)).text());
      let refused = 0;
      let gone = 0;
      for (let i = 0; i < CROWD; i++) {
        const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: '));
        let told = false;
        let broken = false;
        socket.on('data', (chunk: Buffer) => { told ||= chunk.includes(' 408 '); });
        // It wrote data that the server no longer wanted before it read.
        socket.on('error', () => { broken = true; });
        socket.on('close', () => {
          gone++;
          if (told || broken) refused++;
        });
        crowd.push(socket);
        if (i % 500 === 499) await once(socket, 'connect');
      }
      const timer = setInterval(() => { for (const socket of crowd) if (socket.writable) socket.write('x'); }, 300);
      let most = 0;
      for (let i = 0; i < 20; i++) most = Math.max(most, await ask());
      while ((await ask()) > 100) await delay(50);
      clearInterval(timer);
      await until(() => gone === CROWD);
      expect(refused).toBe(CROWD);
      return most;
    } finally {
      for (const socket of crowd) socket.destroy();
      child.kill();
    }
  }

  it('leaves the server answering others, and is thrown out', async () => {
    // All of them at once, or most: the first may have been thrown out before the last had come. How long it takes them
    // to come depends on what else the machine does.
    let most = 0;
    for (let headMs = 1500; most <= CROWD / 2 && headMs <= 12_000; headMs *= 2) most = await mostAtOnce(headMs);
    expect(most).toBeGreaterThan(CROWD / 2);
  });
});
