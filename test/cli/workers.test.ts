import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { built, cli, served } from './program.js';

/** Requests the page again and again, on kept connections and on new ones, and counts the outcomes. */
class Load {
  answered = 0;
  readonly failures: string[] = [];
  private over = false;
  private readonly kept = new Agent({ keepAlive: true, maxSockets: 4 });
  private readonly fresh = new Agent({ keepAlive: false });
  private readonly clients: Promise<void>[];

  constructor(private readonly url: string) {
    this.clients = Array.from({ length: 8 }, (_, i) => this.client(i % 2 === 0 ? this.kept : this.fresh));
  }

  private async client(agent: Agent): Promise<void> {
    while (!this.over) await this.request(agent);
  }

  private async request(agent: Agent): Promise<void> {
    try {
      const asked = request(this.url, { agent }).end();
      const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
      response.resume();
      await once(response, 'end');
      if (response.statusCode === 200) this.answered++;
      else this.failures.push(String(response.statusCode));
    } catch (error) {
      this.failures.push(String(error));
    }
  }

  /** New connections all the time, whether or not those before are answered; until `over` they are not too many for a backlog. */
  async arrivals(over: Promise<unknown>): Promise<void> {
    let arriving = true;
    void over.finally(() => (arriving = false));
    const requests: Promise<void>[] = [];
    while (arriving) {
      requests.push(this.request(this.fresh), this.request(this.fresh));
      await delay(5);
    }
    await Promise.all(requests);
  }

  async more(count: number): Promise<void> {
    for (const end = this.answered + count; this.answered < end && this.failures.length === 0;) await delay(5);
  }

  async stop(): Promise<void> {
    this.over = true;
    await Promise.all(this.clients);
    for (const agent of [this.kept, this.fresh]) agent.destroy();
  }
}

/** Process ids. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** How many TCP connections a process has. */
function connectionsOf(pid: number): number {
  const established = '01';
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  const sockets = new Set(rows.filter((row) => row[3] === established).map((row) => `socket:[${row[9]}]`));
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describe.skipIf(!built)('stackful serve --workers (needs dist/)', () => {
  it('serves from every worker, replaces them at SIGHUP under load without a failure, and ends at SIGTERM', async () => {
    const { child, url, shows, ended } = await served('--workers', '2', '--policy', 'connections', '--shed', '1000');
    const load = new Load(url);
    await load.more(200);
    const before = childrenOf(child.pid!);
    expect(before).toHaveLength(2);
    child.kill('SIGHUP');
    await shows(/Every worker has been replaced/);
    while (childrenOf(child.pid!).length > 2) await delay(10);
    expect(childrenOf(child.pid!).some((pid) => before.includes(pid))).toBe(false);
    await load.more(200);
    expect(load.failures).toEqual([]);
    await load.stop();
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });

  it('hands over to one program after the other on the same port, under load, without a failure', async () => {
    const port = String(await freePort());
    const start = (workers: number) => cli(['serve', 'examples/site', '--port', port, '--workers', String(workers)]);
    const started = /with \d workers/;
    let old = start(2);
    await old.shows(started);
    const load = new Load(`http://127.0.0.1:${port}/`);
    for (const workers of [2, 1]) {
      await load.more(200);
      const next = start(workers);
      await next.shows(started);
      old.child.kill('SIGTERM');
      expect(await old.ended).toMatchObject({ code: 0 });
      old = next;
    }
    await load.more(200);
    expect(load.failures).toEqual([]);
    await load.stop();
    old.child.kill('SIGTERM');
    expect(await old.ended).toMatchObject({ code: 0 });
  });

  it('hands over without a failure when a worker is slow to hear of it, and the next program uses all its workers', async () => {
    const port = String(await freePort());
    const start = () => cli(['serve', 'examples/site', '--port', port, '--workers', '2']);
    const old = start();
    await old.shows(/with 2 workers/);
    const load = new Load(`http://127.0.0.1:${port}/`);
    await load.more(100);
    const next = start();
    await next.shows(/with 2 workers/);
    const [slow] = childrenOf(old.child.pid!);
    process.kill(slow!, 'SIGSTOP');
    old.child.kill('SIGTERM');
    const arrivals = load.arrivals(old.ended);
    // Longer than it takes when every worker answers at once.
    await delay(800);
    process.kill(slow!, 'SIGCONT');
    await arrivals;
    expect(await old.ended).toMatchObject({ code: 0 });
    await load.more(100);
    expect(load.failures).toEqual([]);
    await load.stop();
    const workers = childrenOf(next.child.pid!);
    const busy = new Set<number>();
    while (busy.size < workers.length) {
      const clients = Array.from({ length: 16 }, () => connect(Number(port), '127.0.0.1'));
      await Promise.all(clients.map((client) => once(client, 'connect')));
      for (const pid of workers) if (connectionsOf(pid) > 0) busy.add(pid);
      for (const client of clients) client.destroy();
      await delay(50);
    }
    next.child.kill('SIGTERM');
    expect(await next.ended).toMatchObject({ code: 0 });
  });

  it('puts another worker in the place of one that died', async () => {
    const { child, url, shows, ended } = await served('--workers', '1');
    const [pid] = childrenOf(child.pid!);
    process.kill(pid!, 'SIGKILL');
    // The socket is still there: this waits for the next worker.
    expect((await fetch(url)).status).toBe(200);
    await shows(/has ended \(SIGKILL\)/);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });

  it('ends its workers when it is killed', async () => {
    const { child } = await served('--workers', '2');
    const pids = childrenOf(child.pid!);
    child.kill('SIGKILL');
    const alive = (pid: number): boolean => {
      try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    };
    while (pids.some(alive)) await delay(20);
  });

  it('says what is wrong, with exit code 1', async () => {
    const { code, output } = await cli(['serve', 'nowhere', '--port', '0', '--workers', '2']).ended;
    expect(code).toBe(1);
    expect(output).toMatch(/there is no directory nowhere \(ENOENT\)/);
  });
});
