import { Worker } from 'node:worker_threads';
import { createSyncFn } from 'synckit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

beforeAll(() => { patch({ atomics: true }); });
afterAll(() => { unpatch(); });

/** Stores 1 in the first cell, and notifies, after as many milliseconds as it is posted. */
const SETS = `
  const { workerData, parentPort } = require('node:worker_threads');
  const cells = new Int32Array(workerData);
  parentPort.on('message', (ms) => setTimeout(() => { Atomics.store(cells, 0, 1); Atomics.notify(cells, 0); }, ms));`;

describe('Atomics.wait', () => {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  let worker: Worker;
  beforeAll(() => { worker = new Worker(SETS, { eval: true, workerData: cells.buffer }); });
  afterAll(async () => { await worker.terminate(); });

  it('is woken by a worker, while other coroutines run', async () => {
    let turns = 0;
    const other = spawn(() => { for (;;) { sleep(1); turns++; } });
    const result = await spawn(() => {
      worker.postMessage(50);
      return [Atomics.wait(cells, 0, 0), turns > 0];
    });
    other.cancel();
    await expect(other).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(result).toEqual(['ok', true]);
  });

  it('has the results and errors of the original', async () => {
    const big = new BigInt64Array(new SharedArrayBuffer(8));
    const lists: unknown[][] = [
      [cells, 0, 0], [cells, 1, 0, 5], [cells, 1, 0, 0], [cells, 1, 0, -1], [cells, 1, 0, '3'], [cells, 1, 0, NaN, 'x'].slice(0, 3).concat(1),
      [big, 0, 0n, 1], [big, 0, 1n], [big, 0, 1], [cells, 0, 1n], [cells, 2, 0], [cells, -1, 0], [new Int32Array(2), 0, 0], [{}, 0, 0], [],
      [new Float64Array(cells.buffer), 0, 0], [cells, 1, 0, { valueOf: () => 2 }], [cells, 1, 0, Symbol('s')],
    ];
    Atomics.store(cells, 0, 1);
    const outcome = ([array, ...rest]: unknown[]) => {
      try {
        return Atomics.wait(array as Int32Array, ...(rest as [number, number]));
      } catch (error) {
        return [(error as Error).name, (error as Error).message];
      }
    };
    const expected = lists.map(outcome);
    expect(await spawn(() => lists.map(outcome))).toEqual(expected);
  });

  it('passes on a notification that comes after its end', async () => {
    const ended = spawn(() => timeout(5, () => Atomics.wait(cells, 1, 0)));
    await expect(ended).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    const next = spawn(() => Atomics.wait(cells, 1, 0));
    const notifier = spawn(() => { sleep(5); return Atomics.notify(cells, 1, 1); });
    expect([await notifier, await next]).toEqual([1, 'ok']);
  });
});

describe('synckit', () => {
  const worker = new URL('../children/synckit_worker.mjs', import.meta.url);

  it('calls of one function by many coroutines get each its own answer, and none holds the thread', async () => {
    const double = createSyncFn(worker) as (n: number, ms: number) => number;
    let turns = 0;
    const other = spawn(() => { for (;;) { sleep(1); turns++; } });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => spawn(() => double(i, i % 3))));
    other.cancel();
    await expect(other).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(answers).toEqual(Array.from({ length: 12 }, (_, i) => 2 * i));
    expect(turns).toBeGreaterThan(0);
  });

  it('an error of the worker is thrown', async () => {
    const fails = createSyncFn(worker) as (n: string, ms: number) => number;
    await expect(spawn(() => fails('x', 1))).rejects.toThrow('no number: x');
    expect(() => fails('y', 1)).toThrow('no number: y');
  });
});
