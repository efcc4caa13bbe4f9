import nodes from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { exec, execFile, type ExecFileOptions } from 'stackful/child_process';
import { described, outcomeOf } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'stackful-child-'));
const script = (name: string, text: string, mode = 0o755) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};
afterAll(() => { rmSync(folder, { recursive: true }); });

const nodesExecFile = promisify(nodes.execFile) as (...args: unknown[]) => Promise<unknown>;
const nodesExec = promisify(nodes.exec) as (...args: unknown[]) => Promise<unknown>;

async function bothSay(ours: () => unknown, theirs: () => Promise<unknown>): Promise<unknown> {
  const mine = await spawn(() => outcomeOf(ours));
  let other: unknown;
  try {
    other = { value: await theirs() };
  } catch (error) {
    other = described(error);
  }
  expect(mine).toEqual(other);
  return mine;
}

const sh = (command: string): [string, string[]] => ['sh', ['-c', command]];
const plain = script('plain', 'echo "plain $0 $@"\n');
const locked = script('locked', '#!/bin/sh\n', 0o644);
const noInterpreter = script('bad', '#!/no/such/interpreter\n');
script('found', '#!/bin/sh\necho found\n');

describe('execFile gives what that of node:child_process gives', () => {
  it.each<[string, string, string[], ExecFileOptions?]>([
    ['output', 'echo', ['hello', 'wörld']],
    ['both outputs', ...sh('echo out; echo err >&2; echo out2')],
    ['nothing', 'true', []],
    ['an exit code', ...sh('exit 3')],
    ['the greatest exit code', ...sh('exit 255')],
    ['outputs with an exit code', ...sh('echo out; echo err >&2; exit 1')],
    ['a signal', ...sh('kill -KILL $$')],
    ['a signal that dumps core', ...sh('ulimit -c 0; kill -ABRT $$')],
    ['a program that is not there', 'no-such-program', ['a', 'b']],
    ['a path that is not there', '/no/such/program', []],
    ['a file that is no program', locked, []],
    ['a folder', folder, []],
    ['a path through a file', `${plain}/x`, []],
    ['a script without an interpreter line', plain, ['one', 'two words']],
    ['an interpreter that is not there', noInterpreter, []],
    ['arguments that are too long', 'true', ['x'.repeat(3_000_000)]],
    ['a directory', 'pwd', [], { cwd: '/' }],
    ['a directory as a URL', 'pwd', [], { cwd: pathToFileURL('/tmp') }],
    ['a directory that is not there', 'pwd', [], { cwd: '/no/such/folder' }],
    ['an environment', ...sh('echo $A-$B'), { env: { A: '1', B: undefined, PATH: process.env.PATH } }],
    ['a program in the PATH of its environment', 'found', [], { env: { PATH: `/no/such/folder:${locked}:${folder}` } }],
    ['a program that PATH names twice', 'locked', [], { env: { PATH: `${folder}:/no/such` } }],
    ['an environment without a PATH', 'true', [], { env: { A: '1' } }],
    ['a PATH of the current folder', 'found', [], { env: { PATH: '' }, cwd: folder }],
    ['a shell', 'echo $0; echo', ['a', '|', 'tr', 'a', 'b'], { shell: true }],
    ['a certain shell', 'echo $0', [], { shell: '/bin/bash' }],
    ['a shell that is not there', 'echo', [], { shell: '/no/such/shell' }],
    ['latin1', 'printf', ['\\344\\377'], { encoding: 'latin1' }],
    ['base64', 'printf', ['\\344\\377x'], { encoding: 'base64' }],
    ['text that is no UTF-8', 'printf', ['a\\377b\\342\\202'], {}],
    ['bytes', 'printf', ['\\344\\377'], { encoding: 'buffer' }],
    ['bytes for null', 'printf', ['x'], { encoding: null }],
    ['bytes for an encoding that there is not', 'printf', ['x'], { encoding: 'nonsense' as BufferEncoding }],
    ['bytes with an error', ...sh('printf x; exit 2'), { encoding: 'buffer' }],
    ['an error of the start with bytes', 'no-such-program', [], { encoding: 'buffer' }],
    ['as much output as is allowed', 'printf', ['12345'], { maxBuffer: 5 }],
    ['more output than is allowed', 'printf', ['123456'], { maxBuffer: 5 }],
    ['more errors than are allowed', ...sh('printf 123456 >&2'), { maxBuffer: 5 }],
    ['endless output', 'yes', [], { maxBuffer: 10 }],
    ['a limit of nothing', 'printf', ['1'], { maxBuffer: 0 }],
    ['a time limit that is not reached', 'echo', ['x'], { timeout: 60_000 }],
    ['a time limit', 'sleep', ['60'], { timeout: 20 }],
    ['a time limit with a signal', 'sleep', ['60'], { timeout: 20, killSignal: 'SIGINT' }],
    ['a time limit with a number', 'sleep', ['60'], { timeout: 20, killSignal: 9 }],
    ['a time limit of a program that ends well', ...sh('trap "exit 0" TERM; echo x; while :; do sleep 0.01; done'), { timeout: 300 }],
    ['empty arguments', 'printf', ['[%s]', '', 'a', '']],
    ['2 MB of output', ...sh('head -c 2000000 /dev/zero'), { maxBuffer: Infinity, encoding: 'latin1' }],
  ])('%s', async (_, file, args, options) => {
    await bothSay(() => execFile(file, args, options as object), () => nodesExecFile(file, args, options));
  });

  it.each<[string, ...unknown[]]>([
    ['no file', ''],
    ['a file that is no string', 1],
    ['a null byte in the file', 'a\0b'],
    ['a null byte in an argument', 'a', ['b\0']],
    ['arguments that are none', 'a', 'b'],
    ['options that are none', 'a', [], 'b'],
    ['a directory that is none', 'a', { cwd: 1 }],
    ['a null byte in the directory', 'a', { cwd: 'x\0' }],
    ['a null byte in the environment', 'a', { env: { A: 'b\0' } }],
    ['a user that is none', 'a', { uid: 'root' }],
    ['a shell that is none', 'a', { shell: 1 }],
    ['a time limit below 0', 'a', { timeout: -1 }],
    ['an output limit below 0', 'a', { maxBuffer: -1 }],
    ['an unknown signal', 'a', { killSignal: 'SIGNO' }],
    ['an unknown number of a signal', 'a', { killSignal: 4711 }],
  ])('the code of the error for %s', async (_, ...args) => {
    const codeOf = (error: unknown) => (error as { code?: unknown }).code;
    const ours = await spawn(() => outcomeOf(() => (execFile as (...args: unknown[]) => unknown)(...args)));
    let theirs: unknown;
    try {
      await (nodesExecFile as (...args: unknown[]) => unknown)(...args);
    } catch (error) {
      theirs = error;
    }
    expect(codeOf(ours)).toMatch(/^ERR_/);
    expect(codeOf(ours)).toBe(codeOf(theirs));
  });
});

// Nodes differ: these are the codes of 26.
it.each<[string, object, string]>([
  ['half a group', { gid: 0.5 }, 'ERR_OUT_OF_RANGE'],
  ['a time limit that is none', { timeout: 'x' }, 'ERR_INVALID_ARG_TYPE'],
  ['an output limit that is none', { maxBuffer: 'x' }, 'ERR_INVALID_ARG_TYPE'],
])('%s is refused', async (_, options, code) => {
  await expect(spawn(() => execFile('true', options))).rejects.toMatchObject({ code });
});

describe('exec gives what that of node:child_process gives', () => {
  it.each<[string, object?]>([
    ['echo a; echo b >&2; echo "$0"'],
    ['no-such-command'],
    ['exit 7'],
    ['echo $0', { shell: '/bin/bash' }],
    ['echo ok', { shell: '/no/such/shell' }],
    ['kill -TERM $$'],
  ])('%s', async (command, options) => {
    await bothSay(() => exec(command, options), () => nodesExec(command, options));
  });
});

describe('input', () => {
  it('of 10 MB goes through cat while its output comes', async () => {
    const input = Buffer.alloc(10_000_000, '0123456789');
    const { stdout } = await spawn(() => execFile('cat', { input, maxBuffer: Infinity, encoding: 'buffer' }));
    expect(stdout.equals(input)).toBe(true);
  });

  it.each([
    ['text', 'wörld', 'wörld'],
    ['nothing', '', ''],
    ['a view', new Uint16Array([0x6161, 0x6262]), 'aabb'],
  ])('%s', async (_, input, output) => {
    expect((await spawn(() => execFile('cat', { input }))).stdout).toBe(output);
  });

  it('that the program does not read is no error', async () => {
    const input = Buffer.alloc(1_000_000);
    expect(await spawn(() => execFile('true', { input }))).toEqual({ stdout: '', stderr: '' });
    expect(await spawn(() => exec('head -c 3 | wc -c', { input }))).toEqual({ stdout: '3\n', stderr: '' });
  });

  it('absent, the program finds the end at once', async () => {
    expect((await spawn(() => execFile('cat'))).stdout).toBe('');
  });

  it('of another kind is refused', async () => {
    await expect(spawn(() => execFile('cat', { input: 1 as never }))).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });
});

describe('besides', () => {
  it('argv0 is what the program finds as its name', async () => {
    expect((await spawn(() => execFile('/bin/sh', ['-c', 'cat /proc/$$/cmdline'], { argv0: 'other' }))).stdout).toMatch(/^other\0-c\0/);
  });

  it('an option that there is not is refused', async () => {
    await expect(spawn(() => execFile('true', { timeuot: 1 } as object))).rejects.toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  });

  it('the environment is the one of the moment', async () => {
    process.env.STACKFUL_TEST = 'set';
    expect((await spawn(() => exec('echo $STACKFUL_TEST'))).stdout).toBe('set\n');
    delete process.env.STACKFUL_TEST;
    expect((await spawn(() => exec('echo $STACKFUL_TEST'))).stdout).toBe('\n');
  });

  it.skipIf(process.getuid?.() !== 0)('a user and a group', async () => {
    const { stdout } = await spawn(() => exec('id -u; id -g; id -G', { uid: 65534, gid: 65534 }));
    expect(stdout).toBe('65534\n65534\n65534\n');
  });

  it('outside a coroutine it is a clear error', () => {
    expect(() => execFile('true')).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }));
  });
});
