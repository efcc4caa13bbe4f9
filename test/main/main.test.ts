import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { temporaryDirectory } from '../fs/support.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = temporaryDirectory();
mkdirSync(join(directory, 'node_modules'));
symlinkSync(root, join(directory, 'node_modules/stackful'));

/** How each of the three runs ends: Node's own of a program, and ours. */
const ways = {
  node: [],
  main: ['--import', 'stackful/main'],
  run: [join(root, 'dist/cli.js'), 'run'],
};

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}
const ended = new Map<string, Promise<Ended>>();

/** Runs a program; what Node does with it is asked once. */
function run(way: keyof typeof ways, file: string, ...args: string[]): Promise<Ended> {
  const key = way === 'node' ? [file, ...args].join() : Symbol('each').toString() + String(ended.size);
  const env = { ...process.env, NODE_OPTIONS: '', WAIT: way === 'node' ? '' : '1' };
  const start = () => new Promise<Ended>((resolve) => {
    execFile(process.execPath, [...ways[way], file, ...args], { cwd: directory, timeout: 60_000, env }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
  const result = ended.get(key) ?? start();
  ended.set(key, result);
  return result;
}

function program(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return `./${name}`;
}

const COMMONJS = `
  const { current, sleep } = require('stackful');
  if (process.env.WAIT) sleep(1);
  console.log(JSON.stringify([require.main === module, module.id, process.argv.slice(2), __filename]));
  console.error(current()?.name);`;
const MODULE = `#!/usr/bin/env node
  import { current, sleep } from 'stackful';
  if (process.env.WAIT) sleep(1);
  console.log(JSON.stringify([import.meta.main, import.meta.url, process.argv.slice(2), process.mainModule]));
  console.error(current()?.name);`;

describe.each(['main', 'run'] as const)('%s', (way) => {
  it('runs a file as Node does, but it can wait', async () => {
    const files = [['a.cjs', COMMONJS], ['b.mjs', MODULE], ['c.js', COMMONJS], ['d.js', MODULE], ['e', COMMONJS]] as const;
    await Promise.all(files.slice(0, way === 'main' ? 5 : 2).map(async ([name, text]) => {
      const file = program(name, text);
      const [own, ours] = await Promise.all([run('node', file, 'x', '--help'), run(way, file, 'x', '--help')]);
      expect([own.status, ours.status, ours.stdout]).toEqual([0, 0, own.stdout]);
      expect(ours.stderr).toMatch(/^main$/m);
    }));
  });

  it('ends as Node does: exit codes, errors with their place, syntax errors', async () => {
    const programs = {
      'code.cjs': 'process.exitCode = 7;',
      'exit.mjs': 'process.exit(3);',
      'throws.cjs': "null; throw new TypeError('boom');",
      'throws.mjs': "null; throw new TypeError('boom');",
      'odd.cjs': "throw 'text';",
      'syntax.cjs': 'x = ;',
      'syntax.mjs': 'import x from ;',
      'missing.mjs': "import './no-such.mjs';",
      'handled.cjs': "process.on('uncaughtException', (e) => console.log('caught', e.message)); throw new Error('boom');",
    };
    const some = Object.entries(programs).filter(([name]) => way === 'main' || /^(code|throws)/.test(name));
    await Promise.all(some.map(async ([name, text]) => {
      const file = program(name, text);
      const [own, ours] = await Promise.all([run('node', file), run(way, file)]);
      // The lines up to the stack: the place, the line of the program, and the message.
      const head = ({ stderr }: Ended) => stderr.split('\n    at ')[0]!.split('\n').filter((line) => !/^\s*\^*$/.test(line)).slice(0, 3);
      expect([name, ours.status, ours.stdout]).toEqual([name, own.status, own.stdout]);
      if (name !== 'odd.cjs') expect(head(ours)).toEqual(head(own));
    }));
  });

  it.each([
    ['never settles', 'never.mjs', 'console.log(1); await new Promise(() => {});', 13],
    ['fails', 'fails.mjs', "await Promise.reject(new Error('too bad'));", 1],
  ])('ends as Node does where a top-level await %s', async (_how, name, text, status) => {
    const file = program(name, text);
    const [own, theirs] = await Promise.all([run(way, file), run('node', file)]);
    expect([own.status, own.stdout, theirs.status]).toEqual([status, theirs.stdout, status]);
  });

  it('runs a module with a top-level await on the main stack, and says so', async () => {
    const { status, stdout, stderr } = await run(way, program('later.mjs', "import { current } from 'stackful'; await 1; console.log(current());"));
    expect([status, stdout]).toEqual([0, 'undefined\n']);
    expect(stderr).toMatch(/STACKFUL_MAIN_ASYNC.*runs on the main stack/);
  });
});

it('run: --patch, and wrong arguments', async () => {
  const file = program('patched.cjs', "console.log(Symbol.for('stackful.patched') in require('node:fs').readFileSync);");
  const [patched, missing, wrong] = await Promise.all([run('run', '--patch', file), run('run', './no-such'), run('run', '--nope', file)]);
  expect(patched.stdout).toBe('true\n');
  expect(missing).toMatchObject({ status: 1, stderr: 'stackful: there is no program ./no-such\n' });
  expect(wrong.status).toBe(2);
});

it('leaves it to Node where the arguments name a file that Node does not run', async () => {
  const file = program('not_run.cjs', "console.log('the file runs');");
  const rows = [['-e', '1'], ['--eval=1'], ['-p', '1'], ['-pe', '1'], ['--check'], ['-c']];
  await Promise.all(rows.map(async (options) => {
    const [first, ...rest] = [...options, file];
    expect([options, (await run('main', first, ...rest)).stdout]).toEqual([options, options[0]!.startsWith('-p') ? '1\n' : '']);
  }));
});

it('loaded by a program itself, it does nothing', async () => {
  const file = program('itself.mjs', "import 'stackful/main'; import { current } from 'stackful'; console.log(current());");
  expect((await run('node', file)).stdout).toBe('undefined\n');
});
