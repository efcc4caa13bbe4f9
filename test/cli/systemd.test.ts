/** As a service of systemd: its socket, what it is told, and the units of docs/deploying.md. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { listen, type Listener } from 'stackful/net';

import { built, cli } from './program.js';

const directory = mkdtempSync(join(tmpdir(), 'stackful-systemd-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

/** Prints each datagram that comes to a Unix socket. Node has none of those. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0)))
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`;
const python = spawnSync('python3', ['-c', '']).status === 0;
if (!python) console.log('no python3 here: what systemd is told is not tested');

const receivers = new Set<{ kill(): unknown }>();
afterEach(() => {
  for (const receiver of receivers) receiver.kill();
  receivers.clear();
});

/** The messages that have come to the socket, each as its lines. */
async function manager(path: string): Promise<string[][]> {
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  receivers.add(child);
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  const messages: string[][] = [];
  lines.on('line', (line) => { messages.push((JSON.parse(line) as string).trimEnd().split('\n')); });
  return messages;
}

async function comes(messages: string[][], first: string): Promise<string[]> {
  for (;;) {
    const at = messages.findIndex(([line]) => line === first);
    if (at >= 0) return messages.splice(0, at + 1).at(-1)!;
    await delay(10);
  }
}

describe.skipIf(!built || !python)('what systemd is told (needs dist/ and python3)', () => {
  it('by one process: ready, reloading, beats of the watchdog, stopping', async () => {
    const name = `@stackful-test-${String(process.pid)}`;
    const messages = await manager(name);
    const { child, shows, ended } = cli(['serve', 'examples/site', '--port', '0'], { env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: '100000' } });
    const [ready, status] = await comes(messages, 'READY=1');
    expect([ready, status]).toEqual(['READY=1', `STATUS=${(await shows(/Knot serves .*/))[0]}`]);
    await comes(messages, 'WATCHDOG=1');
    await comes(messages, 'WATCHDOG=1');
    child.kill('SIGHUP');
    const [, time] = await comes(messages, 'RELOADING=1');
    const age = Number(process.hrtime.bigint() / 1000n) - Number(/^MONOTONIC_USEC=(\d+)$/.exec(time!)![1]);
    expect(age > 0 && age < 60e6).toBe(true);
    await comes(messages, 'READY=1');
    child.kill('SIGTERM');
    expect(await comes(messages, 'STOPPING=1')).toEqual(['STOPPING=1', 'STATUS=Ending; 0 connections are open']);
    expect((await ended).code).toBe(0);
  });

  it('by the first of several: ready again when the new workers serve', async () => {
    const path = join(directory, 'notify');
    const messages = await manager(path);
    const { child, ended, output } = cli(['serve', 'examples/site', '--port', '0', '--workers', '2'], { env: { NOTIFY_SOCKET: path } });
    expect((await comes(messages, 'READY=1'))[1]).toMatch(/^STATUS=Knot serves examples\/site on http:\S+ with 2 workers$/);
    child.kill('SIGHUP');
    await comes(messages, 'RELOADING=1');
    await comes(messages, 'READY=1');
    expect(output()).toContain('Every worker has been replaced');
    child.kill('SIGTERM');
    await comes(messages, 'STOPPING=1');
    expect((await ended).code).toBe(0);
    // Workers tell nothing.
    expect(messages).toEqual([]);
  });

  it('by a proxy', async () => {
    const path = join(directory, 'proxy');
    const messages = await manager(path);
    const { child, ended } = cli(['proxy', '3000', '--port', '0'], { env: { NOTIFY_SOCKET: path } });
    expect((await comes(messages, 'READY=1'))[1]).toMatch(/^STATUS=Knot passes requests from http:\S+ on to http:\/\/127\.0\.0\.1:3000$/);
    child.kill('SIGTERM');
    await comes(messages, 'STOPPING=1');
    expect((await ended).code).toBe(0);
  });
});

it.skipIf(!built)('it serves where systemd cannot be told (needs dist/)', async () => {
  const { shows } = cli(['serve', 'examples/site', '--port', '0'], { env: { NOTIFY_SOCKET: join(directory, 'nobody') } });
  await shows(/systemd cannot be told READY=1: sendto ENOENT \S+nobody/);
  const [, url] = await shows(/on (http:\S+)/);
  expect((await fetch(url!)).status).toBe(200);
});

describe.skipIf(!built)('a socket of systemd (needs dist/)', () => {
  const open = new Set<Listener>();
  afterEach(() => {
    for (const listener of open) listener.close();
    open.clear();
  });
  function socket(): Listener {
    const listener = listen({ host: '127.0.0.1', port: 0 });
    open.add(listener);
    return listener;
  }
  const status = async (port: number): Promise<number> => {
    const asked = request({ host: '127.0.0.1', port, path: '/', agent: false }).end();
    const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    response.resume();
    await once(response, 'end');
    return response.statusCode;
  };

  it.each([
    ['one process', ['serve', 'examples/site']],
    ['workers', ['serve', 'examples/site', '--workers', '2']],
  ])('serves by %s, and connections that come while no program runs wait for the next', async (_, args) => {
    const { fd, address } = socket();
    const { port } = address as { port: number };
    for (let round = 0; round < 2; round++) {
      const waiting = status(port);
      const { child, shows, ended } = cli(args, { sockets: [fd] });
      await shows(new RegExp(`on http://127\\.0\\.0\\.1:${String(port)}\\b`));
      expect([await waiting, await status(port)]).toEqual([200, 200]);
      child.kill('SIGTERM');
      expect((await ended).code).toBe(0);
    }
  });

  it('gives it to workers that replace others, under requests', async () => {
    const { fd, address } = socket();
    const { port } = address as { port: number };
    const { child, shows, ended } = cli(['serve', 'examples/site', '--workers', '2'], { sockets: [fd] });
    await shows(/with 2 workers/);
    const seen = new Set<number>();
    let over = false;
    const load = (async () => {
      while (!over) seen.add(await status(port));
    })();
    child.kill('SIGHUP');
    await shows(/Every worker has been replaced/);
    over = true;
    await load;
    expect([...seen]).toEqual([200]);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  });

  it('serves a proxy', async () => {
    const upstream = cli(['serve', 'examples/site', '--port', '0']);
    const [, at] = await upstream.shows(/on http:\/\/(127\.0\.0\.1:\d+)/);
    const { fd, address } = socket();
    const { shows } = cli(['proxy', at!], { sockets: [fd] });
    await shows(/Knot passes requests/);
    expect(await status((address as { port: number }).port)).toBe(200);
  });

  it('refuses more than one', async () => {
    const { code, output } = await cli(['serve', 'examples/site'], { sockets: [socket().fd, socket().fd], env: { LISTEN_FDNAMES: 'web:admin' } }).ended;
    expect([code, output]).toEqual([1, 'stackful: systemd passes 2 sockets (web, admin), and there is a place for one\n']);
  });
});

describe('the units in examples/deploying', () => {
  const units = ['knot.service', 'knot.socket'];
  const folder = fileURLToPath(new URL('../../examples/deploying/', import.meta.url));
  const haveSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!haveSystemd) console.log('no systemd-analyze here: the units are not verified');

  it.skipIf(!haveSystemd)('are what systemd understands', () => {
    for (const unit of units) {
      // Node stands at another place here.
      writeFileSync(join(directory, unit), readFileSync(folder + unit, 'utf8').replace('=/usr/bin/node', `=${process.execPath}`));
    }
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...units.map((unit) => join(directory, unit))], { encoding: 'utf8' });
    const own = (stdout + stderr).split('\n').filter((line) => line.includes('knot'));
    expect(own).toEqual([]);
  });

  it('are those that the guide shows', () => {
    const guide = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8');
    for (const unit of units) expect(guide).toContain(`\`\`\`ini\n${readFileSync(folder + unit, 'utf8')}\`\`\`\n`);
  });
});
