/**
 * Packages built on `fibers`, unchanged, with ours behind that name: fibers' own tests, asyncawait's, and a program for each other. They
 * are installed once, into .cache/fiber-users, because an installation of `fibers` as a dependency would try to compile it.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = `${root}.cache/fiber-users`;
const DEPENDENCIES = {
  '@wdio/sync': '7.14.1', asyncawait: '3.0.0', asyncawait1: 'npm:asyncawait@1.0.8', fibers: '5.0.3', fibrous: '0.4.0', 'meteor-promise': '0.9.0',
  sass: '1.108.2', sass1: 'npm:sass@1.44.0', synchronize: '2.0.0', 'wait.for': '0.6.6',
  // For asyncawait's tests.
  async: '1.5.2', asyncx: '0.4.5', chai: '3.5.0', co: '4.6.0', mocha: '5.2.0', 'mock-fs': '3.12.1', rewire: '2.5.2',
};
/** npm's message when it does not reach its registry. */
const UNREACHABLE = /E(?:NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|NETUNREACH|HOSTUNREACH)|ERR_SOCKET_TIMEOUT|ENOTCACHED/;
let missing: string | undefined;

const run = promisify(execFile);

beforeAll(async () => {
  const wanted = JSON.stringify({ private: true, dependencies: DEPENDENCIES });
  const manifest = `${home}/package.json`;
  if (existsSync(manifest) && readFileSync(manifest, 'utf8') === wanted) return;
  // A rename is all or nothing: an interrupted installation never looks like a complete one.
  const scratch = `${home}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  try {
    writeFileSync(`${scratch}/package.json`, wanted);
    const quick = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--legacy-peer-deps', '--fetch-retries=1'];
    await run('npm', ['install', '--loglevel=error', ...quick], { cwd: scratch, timeout: 100_000 });
    writeFileSync(`${scratch}/package.json`, wanted);
    rmSync(home, { recursive: true, force: true });
    renameSync(scratch, home);
  } catch (error) {
    missing = UNREACHABLE.exec(String((error as { stderr?: string }).stderr))?.[0];
    if (missing === undefined) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}, 120_000);

async function node(context: TestContext, args: string[], cwd = home, env?: NodeJS.ProcessEnv): Promise<string> {
  if (missing) context.skip(`the registry does not answer: ${missing}`);
  const options = { cwd, env: { ...process.env, NODE_OPTIONS: `--require ${root}dist/fibers/register.cjs`, ...env }, timeout: 60_000 };
  const { stdout, stderr } = await run(process.execPath, args, options);
  expect(stderr).toBe('');
  return stdout;
}

const OWN_TESTS = [
  'already-running', 'async-hooks', 'bad-context', 'child-process', 'cleanup', 'current', 'exec', 'exit', 'fibonacci', 'finish-multiple',
  'future-exception', 'future', 'illegal-yield', 'pool', 'process-title', 'stack-overflow', 'stack-overflow2', 'started', 'unwind',
];

describe('the tests of fibers 5.0.3', () => {
  it('are these', (context) => {
    if (missing) context.skip(`the registry does not answer: ${missing}`);
    expect(readdirSync(`${home}/node_modules/fibers/test`)).toEqual(OWN_TESTS.map((name) => `${name}.js`).sort());
  });

  it.concurrent.for(OWN_TESTS)('%s', async (name, context) => {
    // Two of them require `future` by NODE_PATH.
    const env = { NODE_PATH: fileURLToPath(new URL('users', import.meta.url)) };
    const said = await node(context, [`test/${name}.js`], `${home}/node_modules/fibers`, env);
    // This one compares two times, which a busy machine decides.
    context.expect(['pass\n', ...(name === 'cleanup' ? ['fail\n'] : [])]).toContain(said);
  });
});

describe('asyncawait: its own tests', () => {
  it.for(['asyncawait', 'asyncawait1'])('%s', async (name, context) => {
    const text = await node(context, [`${home}/node_modules/mocha/bin/_mocha`, '--exit', '--reporter', 'dot'], `${home}/node_modules/${name}`);
    expect(text).toContain('50 passing');
    expect(text).not.toContain('failing');
  });
});

it('a program for each of the others', async (context) => {
  const file = fileURLToPath(new URL('users/programs.cjs', import.meta.url));
  for (const [name, output] of Object.entries(OUTPUT)) {
    expect(await node(context, [file, home, name])).toBe(output);
  }
});

const OUTPUT = {
  '@wdio/sync': 'title undefined\n',
  'meteor-promise': 'a b rejected 2 in a fiber\n',
  synchronize: 'text ENOENT ["one",2] end\n',
  fibrous: 'same true\n',
  'wait.for': 'argument 8 ENOENT\n',
  sass: 'a { b: 3; } c { d: e; } through the fiber\n',
  sass1: 'a { b: 3; } c { d: e; } through the fiber\n',
};
