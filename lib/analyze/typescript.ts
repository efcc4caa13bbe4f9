import { createRequire } from 'node:module';
import { join } from 'node:path';

import type TS from 'typescript';

import { CompilerMissingError } from './errors.js';

/** The compiler's API: set by {@link loadTypeScript}, before anything else of this room runs. */
export let ts: typeof TS;

/**
 * Loads the compiler that the analysed program has, or else the one beside this library. It is a peer dependency that is optional,
 * because most users of the library never analyse.
 *
 * @throws CompilerMissingError (`ERR_ANALYZE_COMPILER`) when there is none, or one without an API (TypeScript 7)
 */
export function loadTypeScript(directory: string): void {
  let unusable = '';
  for (const from of [join(directory, 'package.json'), import.meta.url]) {
    let found: typeof TS;
    try {
      found = createRequire(from)('typescript') as typeof TS;
    } catch {
      continue;
    }
    if (typeof found.createProgram === 'function') {
      ts = found;
      return;
    }
    unusable = found.version;
  }
  throw new CompilerMissingError(
    unusable === ''
      ? 'the analysis needs the package "typescript" (5.x), which is not installed: npm install --save-dev typescript@5'
      : `the analysis needs the API of TypeScript 5, which TypeScript ${unusable} does not have: npm install --save-dev typescript@5`,
  );
}

/** For tests and plugins, which have the compiler already. */
export function useTypeScript(compiler: typeof TS): void {
  ts = compiler;
}

/** The checker that a type comes from: the types of files that have not changed are those of an earlier program. */
export function checkerOf(from: TS.Type | TS.Signature, otherwise: TS.TypeChecker): TS.TypeChecker {
  return (from as { checker?: TS.TypeChecker }).checker ?? otherwise;
}
