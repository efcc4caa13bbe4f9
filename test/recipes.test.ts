import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** In the project, so that they find `stackful` as they would in one of their own. */
const directory = here('../.cache/recipes/');

mkdirSync(directory, { recursive: true });
copyFileSync(here('recipes/pool.mjs'), `${directory}pool.mjs`);

const GUIDES = [
  'recipes', 'databases', 'from-async', 'from-fibers', 'in-a-node-server', 'deploying', 'debugging', 'tls', 'handlers', 'http2', 'websocket',
  'http-client', 'proxy', 'patch', 'threads',
];

const recipes = GUIDES.flatMap((guide) => {
  const text = readFileSync(here(`../docs/${guide}.md`), 'utf8');
  const found = [...text.matchAll(/```js\n(\/\/ (\S+\.mjs)\n.*?)```\n\n```text\n(.*?)```/gs)];
  it(`of ${guide} are all found`, () => {
    expect(found.length).toBe(text.match(/^```js$/gm)!.length);
  });
  return found.map(([, source, name, output]) => [name!, source!, output!] as const);
});

/** node:sqlite came with Node 22. */
const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;

// Most of their time they start and wait.
describe.concurrent('each program', () => {
  for (const [name, source, output] of recipes) {
    it.skipIf(name === 'sqlite.mjs' && !hasSqlite)(`${name} prints what is written below it`, async ({ expect }) => {
      writeFileSync(`${directory}${name}`, source);
      const { stdout } = await run(process.execPath, ['--no-warnings', `${directory}${name}`], {
        cwd: directory, timeout: 120_000, killSignal: 'SIGKILL',
      });
      expect(stdout).toBe(output);
    });
  }
});
