/** Test runners that load the library for every test file anew. They run the examples of docs/testing.md. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installPackage, root, type Project } from '../support/installed.js';

let project: Project;
const names: string[] = [];

beforeAll(() => {
  project = installPackage();
  writeFileSync(join(project.directory, 'package.json'), '{ "name": "project" }');
  const document = readFileSync(join(root, 'docs/testing.md'), 'utf8');
  for (const [, name, text] of document.matchAll(/```js\n\/\/ (\S+)\n(.*?)```/gs)) {
    // Twice, because only the second file in a thread could be refused.
    for (const file of [name!, name!.replace('.test', '-again.test')]) {
      mkdirSync(dirname(join(project.directory, file)), { recursive: true });
      writeFileSync(join(project.directory, file), text!);
    }
    names.push(name!);
  }
});
afterAll(() => { project.remove(); });

/** Runs a test runner in one process or thread; what it printed, and the exit code. */
function runner(program: string, args: string[], nodeArgs: string[] = []): { status: number | null; output: string } {
  const file = join(root, 'node_modules', program);
  const { status, stdout, stderr } = project.node([...nodeArgs, file, ...args], { NO_COLOR: '1', CI: 'true' });
  return { status, output: stdout + stderr };
}
const filesOf = (kind: string) => 2 * names.filter((name) => name.startsWith(`${kind}/`)).length;

describe('Jest', () => {
  const jest = (kind: string, nodeArgs: string[]) =>
    runner('jest/bin/jest.js', ['--runInBand', '--rootDir', '.', '--testMatch', `**/${kind}/*.test.*`], nodeArgs);

  it('runs every test file, in CommonJS', () => {
    const { status, output } = jest('jest', []);
    expect(output).toMatch(new RegExp(`Test Suites: ${filesOf('jest')} passed, ${filesOf('jest')} total`));
    expect(status).toBe(0);
  });

  it('runs every test file, in ES modules', () => {
    const { status, output } = jest('jest-esm', ['--experimental-vm-modules', '--no-warnings']);
    expect(output).toMatch(new RegExp(`Test Suites: ${filesOf('jest-esm')} passed, ${filesOf('jest-esm')} total`));
    expect(status).toBe(0);
  });
});

describe('vitest', () => {
  for (const pool of ['forks', 'threads', 'vmForks', 'vmThreads']) {
    it(`runs every test file in pool ${pool}`, () => {
      const one = ['--maxWorkers', '1', '--minWorkers', '1', '--no-cache'];
      const { status, output } = runner('vitest/vitest.mjs', ['run', '--root', '.', '--pool', pool, '--no-isolate', ...one, 'vitest/']);
      expect(output).toMatch(new RegExp(`Test Files +${filesOf('vitest')} passed \\(${filesOf('vitest')}\\)`));
      expect(status).toBe(0);
    });
  }
});

it('node:test runs every test file', () => {
  const { status, stdout } = project.node(['--test', '--test-reporter=tap', ...names.filter((name) => name.startsWith('node_test/')).flatMap((name) => [name, name.replace('.test', '-again.test')])], { NO_COLOR: '1', CI: 'true' });
  expect(stdout).toMatch(new RegExp(`^# pass ${filesOf('node_test')}\\n# fail 0$`, 'm'));
  expect(status).toBe(0);
});
