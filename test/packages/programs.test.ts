/** Command line tools that read their modules, settings and sources by blocking calls: in a coroutine they do what they do without. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const stackful = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'stackful-programs-'));
beforeAll(() => {
  const files = {
    'wrong.ts': "const a: number = 'x'; export default a;",
    'untidy.js': 'var x = 1',
    'eslint.config.cjs': "module.exports = [{ rules: { 'no-unused-vars': 'error', 'no-var': 'warn' } }];",
    'some.spec.cjs': "describe('some', () => { it('pass', () => {}); it('fail', () => { throw new Error('a mistake'); }); });",
    'page.ejs': '<%= 1 + 1 %> <%- include("part") %>',
    'part.ejs': 'part',
    'page.handlebars': '{{#each ids}}{{this}}{{/each}}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
});
afterAll(() => { rmSync(directory, { recursive: true }); });

interface Result { code: number; stdout: string; stderr: string }

function run(...command: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: directory, timeout: 60_000 }, (error, stdout, stderr) => {
      const withoutTimes = (text: string) => text.replaceAll(/\(?\d+ms\)?/g, '');
      resolve({ code: error ? (error.code as unknown as number) : 0, stdout: withoutTimes(stdout), stderr: withoutTimes(stderr) });
    });
  });
}

it.each([
  ['typescript', 2, 'bin/tsc', ['--noEmit', '--noLib', 'wrong.ts']],
  ['eslint', 1, 'bin/eslint.js', ['-c', 'eslint.config.cjs', 'untidy.js']],
  ['mocha', 1, 'bin/mocha.js', ['some.spec.cjs']],
  ['ejs', 0, 'bin/cli.js', ['page.ejs']],
  ['handlebars', 0, 'bin/handlebars', ['page.handlebars']],
] as const)('%s ends with exit code %i in a coroutine, too, and prints the same', { timeout: 60_000 }, async (name, code, bin, args) => {
  const program = join(dirname(require.resolve(`${name}/package.json`)), bin);
  const plain = await run(program, ...args);
  expect(plain).toMatchObject({ code, stdout: expect.stringMatching(/./) as string });
  expect(await run(stackful, 'run', '--patch', program, ...args)).toEqual(plain);
});
