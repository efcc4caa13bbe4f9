// node scripts/entries.mjs, after tsc
//
// Writes dist/entries/, which package.json's "exports" name. Each file exports what the one load of the library that owns this
// thread's runtime exports (lib/internal/loads.ts), under the names of its file in dist/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { root } from './addon.mjs';

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const names = Object.values(exports).flatMap(({ default: file }) => /^\.\/dist\/entries\/(.+)\.js$/.exec(file ?? '')?.[1] ?? []);

const files = names.map((name) => join(root, 'dist', `${name}.js`));
const { NodeNext } = ts.ModuleResolutionKind;
const options = { allowJs: true, module: ts.ModuleKind.NodeNext, moduleResolution: NodeNext, types: [], noLib: true };
const program = ts.createProgram(files, options);
const checker = program.getTypeChecker();
const directory = join(root, 'dist/entries');

for (const [i, name] of names.entries()) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(files[i]));
  const exported = checker.getExportsOfModule(module).map((symbol) => symbol.name);
  if (exported.length === 0) throw new Error(`dist/${name}.js exports nothing`);
  const named = exported.filter((other) => other !== 'default').join(', ');
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  const up = '../'.repeat(name.split('/').length);
  writeFileSync(
    join(directory, `${name}.js`),
    `import * as own from '${up}${name}.js';
import { shared } from '${up}internal/loads.js';

${exported.includes('default') ? `const all = shared('${name}', own);
export const { ${named} } = all;
export default all.default;` : `export const { ${named} } = shared('${name}', own);`}
`,
  );
  // Where the value for require() is a function, lib/ has a file for it.
  if (exported.includes('default')) continue;
  // For require(): Node's own takes an ES module, a sandbox's may not.
  writeFileSync(
    join(directory, `${name}.cjs`),
    `'use strict';
module.exports = require('${up}internal/from_commonjs.cjs')('${name}');
`,
  );
}
