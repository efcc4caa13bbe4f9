import { isMainThread } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { sleep, spawn as go, timeout } from 'stackful';
import { exec, execFile, spawn } from 'stackful/child_process';
import { descriptors, eventually, running, zombies } from './support.js';

const PROGRAMS = ['sh', 'echo', 'sleep', 'true'];
let marks = 0;
/** A number of seconds that no other process sleeps. */
const mark = () => `${String(1000 + ++marks)}.${String(process.pid)}${String(Date.now() % 1e6)}`;
/** Another worker of this process may run other tests at the same time. */
const nothingLeft = (before: number) => !isMainThread || descriptors().length <= before;
const gone = (seconds: string) => eventually(() => running(seconds).length === 0);
const begun = (seconds: string, count = 1) => eventually(() => running(seconds).length >= count);

/** All end; the one in the background is in the group, and does not have the outputs. */
const tree = (seconds: string) => `sleep ${seconds} & (sleep ${seconds}; echo) & sleep ${seconds}; echo`;

describe('an early end of exec ends the child with all that it has started', () => {
  it('by cancellation', async () => {
    const seconds = mark();
    const call = go(() => exec(tree(seconds)));
    await begun(seconds, 3);
    call.cancel('enough');
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await gone(seconds);
  });

  it('by a time limit around it', async () => {
    const seconds = mark();
    await expect(go(() => timeout(200, () => exec(tree(seconds))))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await gone(seconds);
  });

  it('by its signal, with the reason', async () => {
    const seconds = mark();
    const reason = new Error('enough');
    const abort = new AbortController();
    const call = go(() => exec(tree(seconds), { signal: abort.signal }));
    await begun(seconds, 3);
    abort.abort(reason);
    await expect(call).rejects.toBe(reason);
    await gone(seconds);
    await expect(go(() => exec('true', { signal: abort.signal }))).rejects.toBe(reason);
  });

  it('by its option, as Node reports it', async () => {
    const seconds = mark();
    await expect(go(() => exec(`echo out; ${tree(seconds)}`, { timeout: 200 }))).rejects.toMatchObject({
      killed: true, signal: 'SIGTERM', code: null, stdout: 'out\n',
    });
    await gone(seconds);
  });

  it('by too much output', async () => {
    const seconds = mark();
    await expect(go(() => exec(`sleep ${seconds} & yes`, { maxBuffer: 100 }))).rejects.toMatchObject({
      code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER', stdout: 'y\n'.repeat(50),
    });
    await gone(seconds);
  });

  it('also when they ignore the first signal', async () => {
    const seconds = mark();
    const call = go(() => exec(`trap "" TERM; sleep ${seconds} & sleep ${seconds}; echo`, { killGrace: 50 }));
    await begun(seconds, 2);
    call.cancel();
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await gone(seconds);
  });

  it('reports SIGKILL where that was needed', async () => {
    const seconds = mark();
    const call = go(() => exec(`trap "" TERM; sleep ${seconds}; echo`, { timeout: 300, killGrace: 20 }));
    await expect(call).rejects.toMatchObject({ killed: true, signal: 'SIGKILL', code: null });
    await gone(seconds);
  });

  it('also when the child has ended, and something that it has started has its outputs', async () => {
    const seconds = mark();
    const call = go(() => timeout(200, () => exec(`sleep ${seconds} & exit 0`)));
    await expect(call).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await gone(seconds);
    // The error is not that of the child, which has ended well.
    const again = mark();
    expect(await go(() => exec(`echo x; sleep ${again} & exit 0`, { timeout: 200 }))).toEqual({ stdout: 'x\n', stderr: '' });
    await gone(again);
  });

  it('by its option in the middle of endless output', async () => {
    await expect(go(() => exec('yes', { timeout: 20, maxBuffer: Infinity }))).rejects.toMatchObject({ killed: true, signal: 'SIGTERM' });
  });

  it('but what runs in the background of one that is done goes on', async () => {
    const seconds = mark();
    await go(() => exec(`sleep ${seconds} >/dev/null 2>&1 &`));
    expect(running(seconds)).toHaveLength(1);
    process.kill(Number(running(seconds)[0]), 'SIGKILL');
  });
});

describe('spawn', () => {
  it('ends its child at the end of a block, with what it has started', async () => {
    const seconds = mark();
    await go(() => {
      using child = spawn('sh', ['-c', tree(seconds)]);
      while (running(seconds).length < 3) sleep(5);
      expect(child.exitCode).toBe(null);
    });
    await gone(seconds);
  });

  it('ends also what is being started at that moment', async () => {
    const seconds = mark();
    const starting = `i=0; while [ $i -lt 300 ]; do sleep ${seconds} & i=$((i + 1)); done; wait`;
    await go(() => {
      for (let i = 1; i <= 8; i++) {
        using _child = spawn('sh', ['-c', starting]);
        while (running(seconds).length < i) sleep(1);
      }
    });
    await gone(seconds);
  });

  it('ends what a child has started before the call that starts it returns', async () => {
    let met = false;
    for (let attempts = 0; !met && attempts < 20; attempts++) {
      const seconds = mark();
      const call = go(() => {
        using _child = spawn('sh', ['-c', `sleep ${seconds} & sleep ${seconds}; echo`]);
      });
      // It has its turn right behind the other, which cannot be told meanwhile that its child runs, unless this thread has been kept from
      // running in between.
      await go(() => {
        const until = performance.now() + 20_000;
        while (running(seconds).length < 2 && performance.now() < until);
        met = call.state === 'parked';
        call.cancel();
      });
      const failure: unknown = await call.promise.catch((error: unknown) => error);
      if (met) expect(failure).toMatchObject({ code: 'ERR_CANCELLED' });
      await gone(seconds);
    }
    expect(met).toBe(true);
  });

  it('ends it with SIGKILL if it ignores the first signal', async () => {
    const child = await go(() => {
      using child = spawn('sh', ['-c', 'trap "" TERM; echo; while :; do sleep 0.01; done'], { killGrace: 20 });
      child.stdout!.read();
      return child;
    });
    expect([child.signalCode, child.killed]).toEqual(['SIGKILL', true]);
  });

  it('ends it by its options timeout and signal', async () => {
    expect(await go(() => spawn('sleep', ['1000'], { timeout: 10 }).wait())).toEqual({ code: null, signal: 'SIGTERM' });
    const abort = new AbortController();
    const child = await go(() => spawn('sleep', ['1000'], { signal: abort.signal, killSignal: 'SIGINT' }));
    abort.abort();
    expect(await go(() => child.wait())).toEqual({ code: null, signal: 'SIGINT' });
    await expect(go(() => spawn('true', { signal: abort.signal }))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('outside a coroutine dispose sends the signals and does not wait', async () => {
    const child = await go(() => spawn('sh', ['-c', 'trap "" TERM; echo; while :; do sleep 0.01; done'], { killGrace: 20 }));
    await go(() => child.stdout!.read());
    child[Symbol.dispose]();
    expect(await go(() => child.wait())).toEqual({ code: null, signal: 'SIGKILL' });
  });
});

describe('many', () => {
  it('1,000 children of 50 coroutines, and nothing is left', async () => {
    await go(() => execFile('true'));
    const before = descriptors().length;
    let right = 0;
    await Promise.all(Array.from({ length: 50 }, (_, i) => go(() => {
      for (let k = 0; k < 20; k++) {
        const text = `${String(i)}/${String(k)}`;
        if (execFile('echo', [text]).stdout === `${text}\n`) right++;
      }
    }).promise));
    expect(right).toBe(1000);
    await eventually(() => zombies(PROGRAMS).length === 0 && nothingLeft(before));
  });

  it('starts that are cancelled at any moment leave nothing', async () => {
    await go(() => execFile('true'));
    const before = descriptors().length;
    const seconds = mark();
    for (let i = 0; i < 40; i++) {
      const call = go(() => execFile('sleep', [seconds]));
      await go(() => { sleep(i / 20); });
      call.cancel();
      await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    }
    await gone(seconds);
    await eventually(() => zombies(PROGRAMS).length === 0 && nothingLeft(before));
  });

  it('children that are forgotten are reaped', async () => {
    const seconds = '0.05';
    await go(() => { for (let i = 0; i < 20; i++) spawn('sleep', [seconds], { stdio: 'ignore' }); });
    await eventually(() => running(`sleep\0${seconds}`).length === 0 && zombies(PROGRAMS).length === 0);
  });
});
