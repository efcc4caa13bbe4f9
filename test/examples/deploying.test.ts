/** The files of examples/deploying: the proxies are started with them, where they are installed, in front of two servers. */
import { spawn as start, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { inCoroutine } from 'stackful/embed';
import { connect } from 'stackful/websocket';

const folder = fileURLToPath(new URL('../../examples/deploying/', import.meta.url));
const text = (name: string): string => readFileSync(folder + name, 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'stackful-deploying-'));
const running = new Set<ChildProcess>();
afterAll(async () => {
  // Not SIGKILL: nginx ends its workers itself.
  await Promise.all([...running].map((child) => (child.kill('SIGTERM'), once(child, 'close'))));
  rmSync(directory, { recursive: true });
});

interface Program {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

function run(file: string, args: string[], env: Record<string, string> = {}): Program {
  const child = start(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += String(chunk); });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, output: () => output, ended };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function startServer(port: number): Promise<Program> {
  const program = run(process.execPath, [`${folder}server.mjs`], { PORT: String(port) });
  while (!program.output().includes('serves on port')) {
    if (program.child.exitCode !== null) throw new Error(program.output());
    await delay(10);
  }
  return program;
}

interface Answer { status: number; body: string }

interface Sent { headers?: Record<string, string>; body?: string; agent?: Agent }

async function get(port: number, path: string, { headers = {}, body, agent }: Sent = {}): Promise<Answer> {
  const asked = ask({ host: '127.0.0.1', port, path, headers, method: body === undefined ? 'GET' : 'POST', agent: agent ?? false });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  let all = '';
  for await (const chunk of response) all += String(chunk);
  return { status: response.statusCode, body: all };
}

interface Told { client: string; origin: string; peerPort: number; pid: number }
const told = async (port: number, sent?: Sent): Promise<Told> => JSON.parse((await get(port, '/', sent)).body) as Told;

const there = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

/** nginx's file in the frame that Debian's has, with folders and ports of this test. */
function nginx(port: number, upstreams: readonly [number, number]): Program {
  const own = text('nginx.conf').replace('listen 80;', `listen 127.0.0.1:${String(port)};`);
  const file = join(directory, 'nginx.conf');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => {
    mkdirSync(join(directory, name), { mode: 0o777 });
    return `${name}_temp_path ${join(directory, name)};`;
  });
  const user = process.getuid!() === 0 ? 'user root;' : '';
  writeFileSync(file, `${user} pid ${join(directory, 'nginx.pid')}; error_log stderr; worker_processes 1; events {}
    http { access_log off; ${places.join(' ')}
    ${withUpstreams(own, upstreams)} }`);
  return run('nginx', ['-e', 'stderr', '-p', directory, '-c', file, '-g', 'daemon off;']);
}

function haproxy(port: number, upstreams: readonly [number, number]): Program {
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, withUpstreams(text('haproxy.cfg').replace('bind :80\n', `bind 127.0.0.1:${String(port)}\n`), upstreams));
  return run('haproxy', ['-db', '-f', file]);
}

function withUpstreams(config: string, [one, two]: readonly [number, number]): string {
  const replaced = config.replace('10.0.0.11:8080', `127.0.0.1:${String(one)}`).replace('10.0.0.12:8080', `127.0.0.1:${String(two)}`);
  expect(replaced).not.toMatch(/10\.0\.0|:80\b(?!80)|listen 80/);
  return replaced;
}

const proxies = { nginx: { here: there('nginx', '-v'), begin: nginx }, haproxy: { here: there('haproxy', '-v'), begin: haproxy } };

describe.each(Object.entries(proxies))('examples/deploying behind %s', (name, { here, begin }) => {
  if (!here) console.log(`no ${name} here: examples/deploying is not tested behind it`);
  let port = 0;
  const upstreams: [number, number] = [0, 0];
  const servers: Program[] = [];
  let proxy: Program;

  beforeAll(async () => {
    if (!here) return;
    port = await freePort();
    for (const at of [0, 1]) {
      upstreams[at] = await freePort();
      servers[at] = await startServer(upstreams[at]);
    }
    proxy = begin(port, upstreams);
    for (;;) {
      if (proxy.child.exitCode !== null) throw new Error(proxy.output());
      const answer = await get(port, '/health').catch(() => undefined);
      if (answer?.status === 200) break;
      await delay(20);
    }
  });

  it.skipIf(!here)('tells who the client is and what it asked, and believes no client', async () => {
    const host = `127.0.0.1:${String(port)}`;
    expect(await told(port)).toMatchObject({ client: '127.0.0.1', origin: `http://${host}` });
    expect(await told(port, { headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' } }))
      .toMatchObject({ client: '127.0.0.1', origin: `http://${host}` });
    // What a trusted proxy says is believed.
    expect(await told(upstreams[0], { headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' } }))
      .toMatchObject({ client: '203.0.113.7', origin: 'https://shop.example' });
  });

  it.skipIf(!here)('uses both machines, and connections to them again', async () => {
    const clients = Array.from({ length: 4 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const answers: Told[] = [];
      for (let i = 0; i < 20; i++) answers.push(await told(port, { agent }));
      agent.destroy();
      return answers;
    });
    const answers = (await Promise.all(clients)).flat();
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
    expect(new Set(answers.map(({ pid, peerPort }) => `${String(pid)}:${String(peerPort)}`)).size).toBeLessThan(40);
  });

  it.skipIf(!here)('passes bodies on', async () => {
    expect(await get(port, '/size', { body: 'x'.repeat(300_000) })).toEqual({ status: 200, body: '{"bytes":300000}' });
  });

  it.skipIf(!here)('passes WebSockets on', inCoroutine(() => {
    using socket = connect(`ws://127.0.0.1:${String(port)}/echo`);
    for (const message of ['one', 'two', 'x'.repeat(100_000)]) {
      socket.send(message);
      expect(socket.receive()).toBe(message);
    }
  }));

  it.skipIf(!here)('loses no request while one machine after the other is restarted', async () => {
    let over = false;
    let answered = 0;
    const failures: string[] = [];
    const clients = Array.from({ length: 8 }, async () => {
      while (!over) {
        const answer = await get(port, '/').catch((error: unknown) => ({ status: 0, body: String(error) }));
        if (answer.status === 200) answered++;
        else failures.push(`${String(answer.status)} ${answer.body}`);
      }
    });
    const more = async (count: number): Promise<void> => {
      for (const end = answered + count; answered < end && failures.length === 0;) await delay(5);
    };
    for (const at of [0, 1]) {
      await more(200);
      servers[at]!.child.kill('SIGTERM');
      expect(await servers[at]!.ended).toBe(0);
      await more(100);
      servers[at] = await startServer(upstreams[at]!);
      // HAProxy uses it again after its next check.
      const { pid } = servers[at].child;
      while ((await told(port)).pid !== pid && failures.length === 0) await delay(5);
    }
    await more(200);
    over = true;
    await Promise.all(clients);
    expect(failures).toEqual([]);
  });

  it.skipIf(!here)('and a new program starts on the port of the old one before that ends', async () => {
    const old = servers[0]!;
    servers[0] = await startServer(upstreams[0]);
    old.child.kill('SIGTERM');
    expect(await old.ended).toBe(0);
    expect((await get(upstreams[0], '/health')).status).toBe(200);
    expect((await get(port, '/health')).status).toBe(200);
  });
});

describe('the Containerfile', () => {
  const lines = text('Containerfile').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const argumentsOf = (name: string): string[] => lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const { engines, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { engines: { node: string }; exports: object };

  it('has a Node that the package supports, on Debian', () => {
    const [, line, system] = /^node:(\d+)-(.*)$/.exec(argumentsOf('FROM')[0]!)!;
    expect(engines.node).toContain(`^${line!}.`);
    expect(system).not.toMatch(/alpine/);
  });

  it('copies, and starts, files that are there', () => {
    const copied = argumentsOf('COPY').flatMap((files) => files.split(' ').slice(0, -1));
    for (const file of copied) if (!/^package(-lock)?\.json$/.test(file)) expect(existsSync(folder + file), file).toBe(true);
    const [command, program] = JSON.parse(argumentsOf('CMD')[0]!) as [string, string];
    expect([command, copied.includes(program)]).toEqual(['node', true]);
  });

  it('runs programs of the package', () => {
    const own = argumentsOf('RUN').flatMap((line) => [...line.matchAll(/node_modules\/stackful\/(\S+)/g)].map(([, file]) => file!));
    expect(own.length).toBeGreaterThan(0);
    for (const file of own) {
      const source = file.replace(/^dist\/(.*)\.js$/, 'lib/$1.ts');
      expect(existsSync(root + source), file).toBe(true);
    }
    const imported = [...text('server.mjs').matchAll(/from 'stackful(?:\/(\w+))?'/g)].map(([, name]) => (name === undefined ? '.' : `./${name}`));
    expect(imported.filter((name) => !(name in exports))).toEqual([]);
  });

  it('is the one that the guide shows', () => {
    expect(readFileSync(`${root}docs/deploying.md`, 'utf8')).toContain(`\`\`\`dockerfile\n${text('Containerfile')}\`\`\`\n`);
  });
});
