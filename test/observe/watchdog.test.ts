import { afterEach, describe, expect, it } from 'vitest';

import { configure } from 'stackful';
import { runChild } from '../support/child.js';

const run = (name: string) => runChild('watching.mjs', [name], { timeoutMs: 20_000 });

describe('a signal brings a dump', () => {
  it('while the main stack computes', async () => {
    const { exit, stderr } = await run('mainBusy');
    expect(exit).toBe(0);
    expect(stderr).toMatch(/^stackful: 1 coroutine, pid \d+, thread 0, /);
    expect(stderr).toContain('#1 sleeper: parked on sleep 1e+06ms, for ');
    expect(stderr).toMatch(/the main stack: running\n(.*\n)*.*at onMain/);
  });

  it('while a coroutine computes', async () => {
    const { exit, stderr } = await run('coroutineBusy');
    expect(exit).toBe(0);
    expect(stderr).toMatch(/#1 sleeper: parked on sleep[^\n]*\n(.*\n)*.*at parked .*\n(.*\n)*.*spawned at .*coroutineBusy .*watching\.mjs/);
    expect(stderr).toMatch(/#2 hog: running\n(.*\n)*.*at hog .*\n(.*\n)*.*at greedy/);
    expect(stderr).not.toContain('the main stack');
  });

  it('while all coroutines sleep', async () => {
    const { exit, stderr } = await run('idle');
    expect(exit).toBe(0);
    expect(stderr).toContain('#1 sleeper: parked on sleep');
    expect(stderr.match(/^stackful:/gm)?.length).toBe(1);
  });

  it('beside listeners of its own, until it is switched off', async () => {
    const { exit, stdout, stderr } = await run('listeners');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'heard\nheard\n' });
    expect(stderr.match(/^stackful: 0 coroutines/gm)?.length).toBe(1);
  });

  it('when the stack is nearly full', async () => {
    const { exit, stderr } = await run('deep');
    expect(exit).toBe(0);
    expect(stderr).toContain('sleeper: parked on sleep');
  });

  it('in the middle of anything, again and again', async () => {
    const { exit, stderr } = await run('storm');
    expect(exit).toBe(0);
    expect(stderr.match(/^stackful: \d coroutines/gm)?.length).toBeGreaterThanOrEqual(8);
    expect(stderr).not.toContain('failed');
  });

  it('from every thread of the process', async () => {
    const { exit, stderr } = await run('worker');
    expect(exit).toBe(0);
    expect(stderr).toMatch(/thread 0[^]*in main: parked/);
    expect(stderr).toMatch(/thread 1[^]*in worker: parked/);
    expect(stderr).toMatch(/the main stack: running\n(.*\n)*.*at hog/);
  });
});

describe('the watchdog', () => {
  it('reports each hold once, with its stack', async () => {
    const { exit, stdout, stderr } = await run('hold');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'as many events as reports\n' });
    // A busy machine may hold the thread, too: other reports do not concern these two.
    const about = (what: RegExp) => stderr.split(/^stackful: /m).filter((report) => what.test(report));
    expect(about(/^coroutine #1 hog has held the thread for \d+ms\n(.*\n)*.*at greedy/)).toHaveLength(1);
    expect(about(/^the main stack has held the thread for \d+ms\n(.*\n)*.*at sleepless/)).toHaveLength(1);
    expect(about(/greedy|sleepless/)).toHaveLength(2);
  });

  it('reports while the hold lasts', async () => {
    const { exit, stderr } = await run('forever');
    expect(exit).toBe('SIGKILL');
    expect(stderr).toMatch(/^stackful: coroutine #1 stuck has held the thread for \d+ms\n(.*\n)*.*at stuck/m);
  });

  it('tells a callback instead, whose failures stay its own', async () => {
    const { exit, stdout, stderr } = await run('callback');
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'hog true\nERR_ATOMIC_SECTION\nunharmed\n' });
    expect(stderr).toMatch(/^stackful: the watchdog's report failed: Error: in the report\n/);
  });

  it('tells it where optimised code notices what it changes', async () => {
    const stdout = 'in a coroutine: changed\non the main stack: changed\n';
    expect(await run('changes')).toEqual({ exit: 0, stdout, stderr: '' });
  });

  it('sees long calls of native code when they are over', async () => {
    const { exit, stderr } = await run('native');
    expect(exit).toBe(0);
    expect(stderr).toMatch(/^stackful: coroutine #1 runner has held the thread for \d+ms\n(.*\n)*.*at runs/m);
  });

  it('says nothing when no coroutine holds the thread for long, or it is off', async () => {
    expect(await run('fair')).toEqual({ exit: 0, stdout: '', stderr: '' });
  });

  it('lets go of workers that are terminated in the middle', async () => {
    expect(await run('terminate')).toMatchObject({ exit: 0, stdout: 'ok\n', stderr: '' });
  });
});

describe('configure', () => {
  afterEach(() => { configure({ watchdog: false }); });
  it('checks what it is given', () => {
    const code = (wanted: string) => expect.objectContaining({ code: wanted });
    expect(() => { configure({ watchdog: { limit: 0 } }); }).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => { configure({ watchdog: { limit: '1' as never } }); }).toThrow(code('ERR_INVALID_ARG_TYPE'));
    expect(() => { configure({ watchdog: { limit: 10, report: 1 as never } }); }).toThrow(code('ERR_INVALID_ARG_TYPE'));
    expect(() => { configure({ dumpSignal: 'SIGKILL' as never }); }).toThrow(code('ERR_INVALID_ARG_VALUE'));
    expect(() => { configure({ spawnSites: 1 as never }); }).toThrow(code('ERR_INVALID_ARG_TYPE'));
  });
});
