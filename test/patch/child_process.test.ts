import cp from 'node:child_process';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { atomic, sleep, spawn, timeout } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

import { temporaryDirectory } from '../fs/support.js';

/* Each case makes a call on the main stack, where it is Node's own, and in a coroutine: results and errors must be the same. */

beforeAll(() => { patch({ child_process: true }); });
afterAll(() => { unpatch(); });

/** With what no option is, too. */
const any = cp as any;

/** What a call gives, or all that its error has. */
function outcome(call: () => any): unknown {
  const plain = (value: any): any => {
    const error = value.error as Error | undefined;
    return { keys: Object.keys(value), ...value, pid: typeof value.pid, ...(error && { error: [error.message, { ...error, ...(value instanceof Error && { error: 0, pid: 0 }) }] }) };
  };
  try {
    const value = call();
    return { value: value && typeof value === 'object' && !Buffer.isBuffer(value) ? plain(value) : value };
  } catch (error) {
    return { name: (error as Error).name, message: (error as Error).message, ...plain(error) };
  }
}

const directory = temporaryDirectory();
const out = fs.openSync(`${directory}/out`, 'w+');
const sh = (script: string, options?: object) => any.spawnSync('sh', ['-c', script], options);

const cases: Record<string, () => unknown> = {
  'input, both outputs, an exit code': () => sh('cat; echo b >&2; exit 3', { input: 'hello' }),
  'much input and output': () => any.spawnSync('cat', { input: 'x'.repeat(1e6), encoding: 'utf8', maxBuffer: 2e6 }),
  'input of bytes': () => any.execFileSync('cat', { input: new Uint8Array([1, 2, 3]) }),
  'input that is not read': () => sh('exec 0<&-; sleep 0.1', { input: 'x'.repeat(1e6) }),
  'no such program': () => any.spawnSync('no-such-program', ['a']),
  'no such program, execFileSync': () => any.execFileSync('no-such-program', ['a']),
  'no such command': () => any.execSync('no-such-command', { stdio: 'pipe' }),
  'no program': () => any.spawnSync('/etc/passwd'),
  'no such directory': () => any.spawnSync('true', { cwd: '/no/such' }),
  'a directory': () => any.spawnSync('pwd', { cwd: '/usr', encoding: 'utf8' }),
  'an encoding': () => any.execFileSync('echo', ['a'], { encoding: 'base64' }),
  'a failed program': () => any.execFileSync('sh', ['-c', 'echo out; echo err >&2; exit 4'], { stdio: 'pipe' }),
  'a failed command': () => any.execSync('echo out; exit 4', { stdio: 'pipe' }),
  environment: () => any.execSync('echo $FOO', { env: { FOO: 'bar', PATH: process.env.PATH }, encoding: 'latin1' }),
  'a signal': () => sh('kill -9 $$'),
  'time limit': () => any.spawnSync('sleep', ['5'], { timeout: 50 }),
  'time limit, another signal': () => any.execFileSync('sleep', ['5'], { timeout: 50, killSignal: 'SIGKILL' }),
  'time limit that the child ignores': () => sh('trap "" TERM; sleep 0.2; exit 7', { timeout: 50 }),
  'no such signal': () => any.execFileSync('sleep', ['5'], { timeout: 50, killSignal: 'nope' }),
  'too much output': () => {
    const { error, signal, status, stdout } = any.spawnSync('seq', ['1', '100000'], { maxBuffer: 10 });
    return { code: error.code, message: error.message, signal, status, more: stdout.length > 10 };
  },
  'a fourth descriptor': () => sh('echo 3 >&3; echo 1', { stdio: ['ignore', 'pipe', 'ignore', 'pipe'], encoding: 'utf8' }),
  'a descriptor of ours': () => [sh('echo to file', { stdio: ['ignore', out, 'ignore'] }).status, fs.readFileSync(`${directory}/out`, 'utf8').slice(0, 8)],
  argv0: () => sh('echo $0', { argv0: 'zed', encoding: 'utf8' }),
  'a shell': () => any.spawnSync('echo hi; echo $0', { shell: true, encoding: 'utf8' }),
  'another shell': () => any.spawnSync('echo $0', { shell: '/bin/bash', encoding: 'utf8' }),
  'a group of its own': () => any.spawnSync('true', { detached: true }),
  'outputs that somebody else still has': () => sh('(sleep 0.1; echo late)& echo early', { encoding: 'utf8' }),
  'arguments too long': () => any.spawnSync('echo', ['x'.repeat(3e6)]),
};

describe('the same as on the main stack', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const expected = outcome(cases[name]!);
    expect(await spawn(() => outcome(cases[name]!))).toEqual(expected);
  });

  it('bad arguments', async () => {
    const bad = [undefined, null, 5, '', 'a\0b', {}, [], true];
    const options = ['cwd', 'detached', 'uid', 'gid', 'shell', 'argv0', 'timeout', 'maxBuffer', 'killSignal', 'input', 'stdio', 'env'];
    const calls = ['spawnSync', 'execFileSync', 'execSync'].flatMap((name) => [
      ...bad.map((value) => () => any[name](value)),
      ...bad.map((value) => () => any[name]('no-such-program', value)),
      ...options.flatMap((option) => [-1, 1.5, 'x', true, {}, Symbol('s'), ['ipc']].map((value) => () => any[name]('cat > /dev/null', { stdio: 'pipe', [option]: value }))),
    ]);
    const expected = calls.map(outcome);
    expect(await spawn(() => calls.map(outcome))).toEqual(expected);
  });
});

it('other coroutines run meanwhile', async () => {
  const fifo = `${directory}/fifo`;
  cp.execFileSync('mkfifo', [fifo]);
  // Each would wait for ever for the other, if it held the thread.
  const [read] = await Promise.all([
    spawn(() => cp.execFileSync('cat', [fifo], { encoding: 'utf8' })),
    spawn(() => { cp.execSync(`echo hello > ${fifo}`); }),
  ]);
  expect(read).toBe('hello\n');
});

it('an interruption ends the child, and calls of finally blocks still work', async () => {
  let cleaned: string | undefined;
  let pid = 0;
  const run = spawn(() => {
    timeout(30, () => {
      try {
        cp.execSync(`echo $$ > ${directory}/pid; exec sleep 100`);
      } finally {
        pid = Number(fs.readFileSync(`${directory}/pid`, 'utf8'));
        cleaned = cp.execSync('echo clean', { encoding: 'utf8' });
      }
    });
  });
  await expect(run).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(cleaned).toBe('clean\n');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('in an atomic section it blocks', async () => {
  let others = 0;
  const other = spawn(() => { for (;;) { others++; sleep(1); } });
  await spawn(() => {
    sleep(5);
    const before = others;
    atomic(() => cp.execSync('sleep 0.05'));
    expect(others).toBe(before);
  });
  other.cancel();
  await expect(other).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
});
