// node scripts/entries.mjs, after tsc
//
// Writes dist/entries/, which package.json's "exports" name. Each file exports what the one load of the library that owns this
// thread's runtime exports (lib/internal/loads.ts), under the names of its file in dist/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
mkdirSync(directory, { recursive: true });

for (const [i, name] of names.entries()) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(files[i]));
  const exported = checker.getExportsOfModule(module).map((symbol) => symbol.name);
  if (exported.length === 0 || exported.includes('default')) throw new Error(`dist/${name}.js exports ${exported.join(', ') || 'nothing'}`);
  writeFileSync(
    join(directory, `${name}.js`),
    `import * as own from '../${name}.js';
import { shared } from '../internal/loads.js';

export const { ${exported.join(', ')} } = shared('${name}', own);
`,
  );
  // For require(): Node's own takes an ES module, a sandbox's may not.
  writeFileSync(
    join(directory, `${name}.cjs`),
    `'use strict';
module.exports = require('../internal/from_commonjs.cjs')('${name}');
`,
  );
}
