/**
 * What `fibers` 5.0.3 printed for each program in ./cases, on Node 12 and 14, is in cases/expected.json. Ours must print the same, but
 * for what followed from how that package was made.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

const directory = new URL('./cases/', import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', directory), 'utf8')) as Record<string, string>;

/** What is different, on purpose. docs/from-fibers.md tells the same. */
const different: Record<string, string> = {
  // Collected fibers are known a turn after the collection; collected-later.cjs has this case with that turn.
  'collected-revived': "not collected | Cannot read properties of undefined (reading 'run')",
  // Worker threads work.
  worker: 'function ran | main: abc',
  // A fiber has an async id, as all coroutines have.
  'execution-async-id':
    'main 1 | timer1 T | start T | timer1 after T | timer2 T | resumed T | scope T | timer2 after T | scope resumed T | scope left T | timer2 end T',
  // A frozen error arrives as it is; stacks that are accessors (from Node 22 on) are merged, as with the package there.
  'future-stack': process.version.startsWith('v20.')
    ? 'true | false | false | true | futureStack e=false same=true | frozen itself | str'
    : 'true | true | true | false | futureStack e=false same=false | frozen itself | str',
  // Where the error was thrown.
  'uncaught-print': '1 | fiber.js | throw value; | 3 frames | true',
  // A listener of 'exit' cannot wait: Node ends when it returns.
  'yield-in-exit': 'exit1 -> 3',
};

const register = new URL('../../dist/fibers/register.cjs', import.meta.url).pathname;

const runCase = async (name: string, flags: readonly string[] = []): Promise<string> => {
  const env = { NODE_OPTIONS: `--require ${register}` };
  const { exit, stdout, stderr } = await runChild(`../fibers/cases/${name}.cjs`, [], { flags, env });
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  return stdout.replace(/\n$/, '');
};

describe('a program for fibers prints what it printed with them', () => {
  const names = readdirSync(directory).filter((file) => file.endsWith('.cjs')).map((file) => file.slice(0, -4));

  it('there is an expectation for each', () => {
    expect(names.sort()).toEqual(Object.keys(expected).sort());
  });

  it.concurrent.each(names)('%s', async (name) => {
    const text = await runCase(name);
    // V8's sort of three values compares four times, and on Node 26 three times.
    const where = (line: string) => line.replace(/fiber\.js:\d+/, 'fiber.js').replace('sort=123/3', 'sort=123/4');
    expect(where(text)).toBe(different[name] ?? expected[name]!);
  });
});
