import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';

it('waitSignal', async () => {
  const { exit, stdout, stderr } = await runChild('signals.mjs', []);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    parkedOn: ['waitSignal SIGHUP', 'waitSignal SIGUSR2, SIGHUP'],
    all: ['SIGHUP', 'SIGHUP'],
    kept: ['SIGHUP', 'SIGUSR2'],
    none: 'ERR_TIMEOUT',
    afterTimeout: 'SIGUSR2',
    cancelled: 'ERR_CANCELLED',
    refused: ['EINVAL', 'ERR_UNKNOWN_SIGNAL', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE'],
    afterRefusal: 'ERR_TIMEOUT',
    main: 'ERR_NOT_IN_COROUTINE',
  });
});

it('waitSignal in a worker says that it gets none', async () => {
  const program = `
    const { spawn, waitSignal } = require('stackful');
    spawn(() => waitSignal('SIGHUP')).promise.catch((error) => require('node:worker_threads').parentPort.postMessage(error.code));
  `;
  const [code] = (await once(new Worker(program, { eval: true }), 'message')) as [string];
  expect(code).toBe('ERR_WORKER_UNSUPPORTED_OPERATION');
});
