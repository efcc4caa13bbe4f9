import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type TS from 'typescript';

import { libraryName } from '../../lib/analyze/library.js';
import { loadTypeScript, ts } from '../../lib/analyze/typescript.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface PublicFunction {
  name: string;
  declaration: TS.SignatureDeclaration;
  checker: TS.TypeChecker;
}

/** The functions and methods that users can call, by their names. */
export function publicFunctions(given?: TS.Program): PublicFunction[] {
  loadTypeScript(root);
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, { types?: string }> };
  const entries = Object.values(exports).flatMap(({ types }) => (types ? [join(root, types.replace('./dist/', 'lib/').replace('.d.ts', '.ts'))] : []));
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config, ts.sys, root);
  const program = given ?? ts.createProgram(entries, { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  const found = new Map<TS.Declaration, string>();
  const add = (symbol: TS.Symbol): void => {
    for (const declaration of symbol.declarations ?? []) {
      if (found.has(declaration) || !declaration.getSourceFile().fileName.startsWith(join(root, 'lib/'))) continue;
      const hidden = ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
      if (hidden || ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal')) continue;
      if (ts.isFunctionDeclaration(declaration) || ts.isMethodDeclaration(declaration) || ts.isMethodSignature(declaration) || ts.isConstructorDeclaration(declaration)) {
        found.set(declaration, libraryName(declaration));
      }
      if (ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration)) {
        found.set(declaration, '');
        for (const member of declaration.members) {
          const one = (member as { symbol?: TS.Symbol }).symbol;
          if (one) add(one);
        }
      }
    }
  };
  for (const entry of entries) {
    for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!)) {
      add(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    }
  }
  return [...found].filter(([, name]) => name !== '').map(([declaration, name]) => ({ name, declaration: declaration as TS.SignatureDeclaration, checker }));
}
