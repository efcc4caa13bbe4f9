import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

/** The output and exit of each; a crash, a hang or a message on stderr fails the test. */
const expected: [what: string, title: string, stdout: string[], exit: number][] = [
  ['finalizer', 'in finalizers', ['ran 100'], 0],
  ['finalizer-inside', 'in finalizers of what coroutines let go', ['ran true'], 0],
  ['exit-listener', "in an 'exit' listener, when the process ends by itself", ['exit: ready'], 0],
  ['exit-called', "in an 'exit' listener, when a coroutine ends the process", ['exit: ready'], 3],
  ['before-exit', "in a 'beforeExit' listener, which it runs after", ['beforeExit: ready', 'beforeExit: ran'], 0],
  ['finalizer-at-exit', 'in finalizers while the environment goes away', [], 0],
  ['workers', 'in workers that end or are ended', [
    'exit: ready', 'exit-listener ended with 0', 'exit: ready', 'exit-called ended with 3',
    'finalizer-at-exit ended with 0', 'never ended with 1', 'never-parks ended with 1',
  ], 0],
  ['never', 'that never end, and a process that does', [], 4],
  ['absurd', 'with absurd stacks, beside others', ['ERR_INVALID_ARG_TYPE,ERR_OUT_OF_RANGE', 'parked', 'and others'], 0],
];

describe('coroutines at bad moments', () => {
  for (const [what, title, stdout, exit] of expected) {
    it.concurrent(title, async () => {
      const result = await runChild('bad_moments.mjs', [what], { flags: ['--expose-gc'], timeoutMs: 30_000 });
      // V8's own, with --expose-gc: a worker was ended as a context was made in it, which the library's start does on a slow machine.
      const stderr = result.stderr.replace("Error installing extension 'v8/gc'.\n", '');
      expect({ ...result, stderr }).toEqual({ exit, stdout: stdout.map((line) => `${line}\n`).join(''), stderr: '' });
    });
  }
});
