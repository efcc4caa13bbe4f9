import diagnostics from 'node:diagnostics_channel';
import { execFile, spawn as start, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Mutex, sleep, spawn, yieldNow, type Coroutine } from 'stackful';
import { inspect, metrics, registerMetrics, type Inspector } from 'stackful/inspect';
import { runChild } from '../support/child.js';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

describe('the inspector', () => {
  let inspector: Inspector;
  const parked: Coroutine[] = [];
  beforeAll(() => { inspector = inspect(); });
  afterAll(async () => { await inspector.close(); });
  afterEach(async () => {
    for (const c of parked) c.cancel();
    await Promise.allSettled(parked.splice(0));
  });
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${inspector.port}${path}`);
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() };
  };
  const json = async (path: string): Promise<any> => JSON.parse((await get(path)).body);

  it('shows coroutines, but not its own', async () => {
    parked.push(spawn(() => { sleep(1e6); }, { name: 'sleeper' }));
    const { status, type, body } = await get('/dump');
    expect({ status, type }).toEqual({ status: 200, type: 'text/plain; charset=utf-8' });
    expect(body).toContain('sleeper: parked on sleep 1e+06ms, for ');
    const { infos, total } = await json('/coroutines.json');
    expect(infos).toEqual([expect.objectContaining({ name: 'sleeper', state: 'parked', parkedOn: 'sleep 1e+06ms' })]);
    expect(total).toBe(1);
  });

  it('shows which coroutine waits for which', async () => {
    const mutex = new Mutex();
    parked.push(spawn(() => mutex.withLock(() => { sleep(1e6); }), { name: 'holder' }));
    parked.push(spawn(() => { mutex.lock(); }, { name: 'contender' }));
    parked.push(spawn(() => { parked[0]!.join(); }, { name: 'parent' }));
    await spawn(() => { sleep(1); });
    const graph = await json('/graph.json');
    const [holder, contender, parent] = parked.map((c) => c.id);
    expect(graph).toMatchObject({ names: { [holder!]: 'holder' }, deadlocks: [], truncated: false });
    expect(graph.edges).toContainEqual({ from: contender, to: holder, over: expect.stringMatching(/^Mutex.* held by #\d+ holder$/) });
    expect(graph.edges).toContainEqual({ from: parent, to: holder, over: `coroutine #${holder} holder` });
    expect((await get('/graph')).body).toContain(`#${contender} contender -> #${holder} holder  (Mutex`);
  });

  it('takes many stacks in slices, between which others run', async () => {
    for (let i = 0; i < 2000; i++) parked.push(spawn(() => { sleep(1e6); }, { name: 'one of many' }));
    let turns = 0;
    let done = false;
    const other = spawn(() => { while (!done) { turns++; yieldNow(); } });
    const { infos, total } = await json('/coroutines.json?limit=1500');
    done = true;
    await other;
    expect({ shown: infos.length, total }).toEqual({ shown: 1500, total: 2001 });
    expect(turns).toBeGreaterThan(1500 / 25);
  });

  it('serves a page, figures, and metrics', async () => {
    expect(await get('/')).toMatchObject({ status: 200, type: 'text/html; charset=utf-8', body: expect.stringContaining('<title>stackful inspect') });
    expect(await json('/stats.json')).toMatchObject({ pid: process.pid, live: expect.any(Number), loopLag: expect.any(Number) });
    expect((await get('/metrics')).body).toMatch(/^stackful_coroutines_spawned_total \d+$/m);
    expect((await get('/nowhere')).status).toBe(404);
  });

  it('answers no request for a host name', async () => {
    const asked = request({ host: '127.0.0.1', port: inspector.port, headers: { Host: 'rebound.example' } });
    asked.end();
    const [answer] = await once(asked, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(403);
  });
});

describe('metrics', () => {
  it('are in the text format of Prometheus', async () => {
    const sleeper = spawn(() => { try { sleep(60_000); } catch { /* cancelled */ } });
    await spawn(() => { sleep(1); });
    const text = await metrics();
    expect(text).toMatch(/^# TYPE stackful_coroutines gauge\nstackful_coroutines \d+$/m);
    expect(text).toMatch(/^# TYPE stackful_switches_total counter\nstackful_switches_total [1-9]\d*$/m);
    expect(text).toMatch(/^stackful_coroutines_by_state\{state="parked",parked_on="sleep"\} 1$/m);
    sleeper.cancel();
    await sleeper;
    expect(await metrics()).not.toContain('parked_on="sleep"');
  });

  it('go into a registry of the application, with its own', async () => {
    const { Registry, Counter } = await import('prom-client');
    const registry = new Registry();
    new Counter({ name: 'mine_total', help: 'of the application', registers: [registry] }).inc(3);
    registerMetrics(registry);
    const text = await registry.metrics();
    expect(text).toContain('mine_total 3');
    expect(text).toMatch(/^stackful_parks_total [1-9]\d*$/m);
  });
});

describe('diagnostics channels', () => {
  it('tell of every coroutine that begins and ends', async () => {
    const events: string[] = [];
    const onSpawn = ({ coroutine }: any) => events.push(`spawn ${coroutine.name}`);
    const onFinish = ({ coroutine, failed, error }: any) => events.push(`finish ${coroutine.name} ${failed} ${error}`);
    diagnostics.subscribe('stackful.spawn', onSpawn);
    diagnostics.subscribe('stackful.finish', onFinish);
    await spawn(() => 1, { name: 'good' });
    await spawn(() => { throw 'up'; }, { name: 'bad' }).then(undefined, () => undefined);
    diagnostics.unsubscribe('stackful.spawn', onSpawn);
    diagnostics.unsubscribe('stackful.finish', onFinish);
    await spawn(() => 1, { name: 'unheard' });
    expect(events).toEqual(['spawn good', 'finish good false undefined', 'spawn bad', 'finish bad true up']);
  });
});

describe('a subscriber of the end of a coroutine', () => {
  it('cannot park in any call', async () => {
    const codes: unknown[] = [];
    const mutex = new Mutex();
    const onFinish = () => {
      for (const call of [() => { sleep(1); }, () => { mutex.lock(); }, () => { yieldNow(); }]) {
        try { call(); } catch (error) { codes.push((error as { code: unknown }).code); }
      }
    };
    diagnostics.subscribe('stackful.finish', onFinish);
    await spawn(() => 1);
    diagnostics.unsubscribe('stackful.finish', onFinish);
    expect(codes).toEqual(Array(3).fill('ERR_ATOMIC_SECTION'));
  });
});

describe('stackful inspect', () => {
  const cli = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, [program, 'inspect', ...args], (error, stdout, stderr) => {
        resolve({ code: error ? (error.code as unknown as number) : 0, stdout, stderr });
      });
    });
  let child: ChildProcess;
  let port: string;
  beforeAll(async () => {
    child = start(process.execPath, [fileURLToPath(new URL('../children/inspected.mjs', import.meta.url)), 'stays']);
    const [line] = await once(child.stdout!, 'data');
    port = String(line).trim();
  });
  afterAll(() => { child.kill('SIGKILL'); });

  it('prints what a process does, found by port or by process id', async () => {
    const byPort = await cli(port);
    expect(byPort).toMatchObject({ code: 0, stderr: '' });
    expect(byPort.stdout).toMatch(new RegExp(`^stackful: 2 coroutines, pid ${child.pid}, thread 0, `));
    expect(byPort.stdout).toMatch(/#\d contender: parked on mutex.lock Mutex.* held by #\d holder, for \S+\n(.*\n)*.*at lock /);
    const byPid = await cli(String(child.pid), 'graph');
    expect(byPid).toMatchObject({ code: 0, stdout: expect.stringMatching(/^#\d contender -> #\d holder {2}\(Mutex/) });
    expect(JSON.parse((await cli(String(child.pid), 'stats')).stdout)).toMatchObject({ pid: child.pid });
    expect((await cli(port, 'metrics')).stdout).toMatch(/^stackful_coroutines \d+$/m);
  });

  it('says what is wrong', async () => {
    expect(await cli('4194304')).toMatchObject({ code: 1, stderr: expect.stringContaining('no inspector at 4194304 (ECONNREFUSED)') });
    expect(await cli()).toMatchObject({ code: 2 });
    expect(await cli('x')).toMatchObject({ code: 2 });
    expect(await cli(port, 'nonsense')).toMatchObject({ code: 2 });
  });

  it('lets the process end', async () => {
    expect(await runChild('inspected.mjs', ['ends'], { timeoutMs: 15_000 })).toMatchObject({ exit: 0, stderr: '' });
  });

  it('works on stackful serve --inspect', async () => {
    const server = start(process.execPath, [program, 'serve', fileURLToPath(new URL('../../examples/site', import.meta.url)), '--port', '0', '--inspect', '0']);
    let output = '';
    while (!/Inspector on http:\/\/127\.0\.0\.1:(\d+)\n/.test(output)) output += String((await once(server.stdout, 'data'))[0]);
    const { stdout } = await cli(String(server.pid));
    server.kill('SIGKILL');
    expect(stdout).toMatch(/http accept: parked on socket.accept/);
  });
});
