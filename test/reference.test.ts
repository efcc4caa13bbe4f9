/** docs/api/: the pages say what the comments say, nothing lacks a comment, and every example compiles and does what it says. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';

import { runChild } from './support/child.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const work = `${root}.cache/reference`;
const read = (name: string) => readFileSync(`${root}docs/api/${name}`, 'utf8');
const pages = readdirSync(`${root}docs/api`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));

/** The examples by the name of their file: page and heading. */
function examplesOf(page: string): [name: string, source: string][] {
  const found: [string, string][] = [];
  let heading = '';
  for (const [, title, source] of read(page).matchAll(/^### ([^\n]*)$|^```ts\n(import .*?)^```$/gms)) {
    if (title) heading = title.replace(/\W/g, '');
    else if (!found.some(([, other]) => other === source)) found.push([`${page.replace(/\W/g, '_')}_${heading}`, source!]);
  }
  return found;
}
const examples = pages.flatMap(examplesOf);

// The compilers take some seconds, and what they find does not depend on the Node.
describe.skipIf(process.env.PREBUILDS_ONLY !== undefined)('the reference (not in the matrix)', () => {
  it('is up to date, and lacks nothing', async () => {
    const { convert, pages: made, lacking } = await import('../scripts/docs.mjs');
    const converted = await convert();
    expect(lacking(converted)).toEqual([]);
    const fresh = await made(converted);
    const stale = [...new Set([...fresh.keys(), ...pages])].filter((name) => !pages.includes(name) || fresh.get(name) !== read(name));
    expect(stale, 'npm run docs writes them').toEqual([]);
  });

  it('has examples that compile', () => {
    const directory = `${work}/typed`;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    for (const [name, source] of examples) writeFileSync(`${directory}/${name}.mts`, source);
    const compilerOptions = {
      strict: true, target: 'es2022', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'], noEmit: true, skipLibCheck: true,
    };
    writeFileSync(`${directory}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ['*.mts'] }));
    const compiler = `${root}node_modules/typescript-latest/bin/tsc`;
    const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', directory], { encoding: 'utf8' });
    expect(stdout + stderr).toBe('');
  });
});

it('has examples that print what their comments say', async () => {
  const directory = `${work}/run`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(`${directory}/files`, { recursive: true });
  mkdirSync(`${directory}/programs`, { recursive: true });
  for (const [name, source] of examples) {
    writeFileSync(`${directory}/programs/${name}.mjs`, transformSync(source, { loader: 'ts', target: 'es2022' }).code);
  }
  const { exit, stdout, stderr } = await runChild('examples.mjs', [`${directory}/programs`, `${directory}/files`]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  const expected = examples.map(([name, source]) => [`${name}.mjs`, [...source.matchAll(/console\.log\(.* \/\/ (.*)$/gm)].map(([, line]) => line)]);
  expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected));
});
