// node scripts/declarations.mjs, after tsc
//
// tsc leaves constructors that are `@internal` out of the declarations, and a class without one would seem to take `new X()`.
// Such a class gets `protected constructor();` there: users have it from a function of the library, and the compiler says so.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './addon.mjs';

/** The names of the classes of a source whose constructor is internal. */
function unconstructible(source) {
  const marks = [...source.matchAll(/\/\*\* @internal \*\/\n {2}constructor\(/g)];
  return marks.map(({ index }) => [...source.slice(0, index).matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)].at(-1)[1]);
}

const lib = join(root, 'lib');
for (const file of readdirSync(lib, { recursive: true }).filter((name) => name.endsWith('.ts'))) {
  const classes = unconstructible(readFileSync(join(lib, file), 'utf8'));
  if (classes.length === 0) continue;
  const declarations = join(root, 'dist', file.replace(/\.ts$/, '.d.ts'));
  let text = readFileSync(declarations, 'utf8');
  for (const name of classes) {
    // In the same line, so that the source map stays right.
    const opening = new RegExp(`^export declare (?:abstract )?class ${name}\\b.*\\{$`, 'm');
    if (!opening.test(text)) throw new Error(`${declarations} does not declare ${name} in one line`);
    text = text.replace(opening, '$& protected constructor();');
  }
  writeFileSync(declarations, text);
}
