import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { effectOf, libraryName, parkingIn, parkingOf } from '../../lib/analyze/library.js';
import { loadTypeScript, ts } from '../../lib/analyze/typescript.js';
import type TS from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The functions and methods that users can call, by their names. */
function publicFunctions(): { name: string; declaration: TS.SignatureDeclaration; checker: TS.TypeChecker }[] {
  loadTypeScript(root);
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, { types?: string }> };
  const entries = Object.values(exports).flatMap(({ types }) => (types ? [join(root, types.replace('./dist/', 'lib/').replace('.d.ts', '.ts'))] : []));
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config, ts.sys, root);
  const program = ts.createProgram(entries, { ...options, noEmit: true });
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

describe('what the analysis knows of the library', () => {
  const all = publicFunctions();

  it('says of each public function that takes a function what becomes of that', () => {
    const takes = all.filter(({ declaration, checker }) => declaration.parameters.some((parameter) =>
      checker.getNonNullableType(checker.getTypeAtLocation(parameter)).getCallSignatures().length > 0));
    expect(takes.length).toBeGreaterThan(20);
    const errors = takes.filter(({ name }) => /Error\.constructor$/.test(name));
    expect(takes.filter((one) => !errors.includes(one) && !effectOf(one.name)).map(({ name }) => name).sort()).toEqual([]);
  });

  it('reads from the comments which park', () => {
    const certaintyOf = (wanted: string) => {
      const [first] = all.filter(({ name }) => name === wanted).flatMap(({ declaration, checker }) => parkingOf(declaration, checker) ?? []);
      return first && `${first.certainty}${first.steps ? ', each step' : ''}`;
    };
    expect(all.filter(({ declaration, checker }) => parkingOf(declaration, checker)).length).toBeGreaterThan(120);
    expect(['sleep', 'wait', 'Coroutine.join', 'Mutex.lock', 'Channel.send', 'Socket.read', 'TlsSocket.read', 'readFile'].map(certaintyOf))
      .toEqual(Array.from({ length: 8 }, () => 'always'));
    expect(['every', 'waitEach', 'watch'].map(certaintyOf)).toEqual(Array.from({ length: 3 }, () => 'always, each step'));
    expect(['atomic', 'shield', 'Mutex.tryLock', 'Mutex.unlock', 'Listener.close'].map(certaintyOf)).toEqual(Array.from({ length: 5 }));
    expect(['listen', 'UdpSocket.bind'].map(certaintyOf)).toEqual(['only', 'only']);
    expect(certaintyOf('close')).toBe('able');
  });

  it('takes no other sentence for that', () => {
    expect(parkingIn('`fn` runs when the caller parks. Code that does not park is not interrupted.')).toBeUndefined();
    expect(parkingIn('Sends. Never parks.')).toBeUndefined();
    expect(parkingIn('Waits for an event. Parks.')).toEqual({ certainty: 'always', steps: false });
  });
});
