import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

import { packageRoot, root, rootUrl } from '../../lib/internal/root.js';
import { importsOf, sourcesIn } from '../support/imports.js';

const here = fileURLToPath(new URL('../..', import.meta.url));

describe('what counts as code of the library', () => {
  /** `npm install` runs it, too. The library runs it only while it loads, and in `stackful doctor`. */
  const OUTSIDE = ['scripts/addon_file.mjs'];

  it('is what lies where lib/internal/root.ts says: every file that the library loads', () => {
    expect(root).toBe(`${here}lib/`);
    expect(rootUrl).toBe(pathToFileURL(root).href);
    expect(`${packageRoot}/`).toBe(here);
    const loaded = new Set(sourcesIn(root));
    for (const file of loaded) for (const imported of importsOf(file)) loaded.add(imported);
    expect([...loaded].filter((file) => !file.startsWith(root)).map((file) => file.slice(here.length)).sort()).toEqual(OUTSIDE);
  });

  it('is the same when it is compiled', async () => {
    const compiled = (await import(`${here}dist/internal/root.js`)) as { root: string };
    expect(compiled.root).toBe(`${here}dist/`);
    const { exports, bin } = JSON.parse(readFileSync(`${here}package.json`, 'utf8')) as {
      exports: Record<string, { require: string | { default: string }; default: string } | string>;
      bin: Record<string, string>;
    };
    const files = Object.entries(exports).filter(([name]) => name !== './package.json').map(([, file]) => file);
    const forRequire = (file: string | { default: string }) => (typeof file === 'string' ? file : file.default);
    const entries = files.flatMap((entry) => (typeof entry === 'string' ? [entry] : [forRequire(entry.require), entry.default]));
    expect(entries).not.toContain(undefined);
    for (const file of [...entries, ...Object.values(bin)]) expect(fileURLToPath(new URL(file, pathToFileURL(here)))).toContain(compiled.root);
  });
});
