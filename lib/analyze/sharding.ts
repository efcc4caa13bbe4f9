import type TS from 'typescript';

import type { Fn, Start } from './model.js';
import type { Analysed } from './rules/rule.js';
import { ts } from './typescript.js';

/** Handlers that share mutable state, directly or through others: they have to run in one worker. Those of different shards need not. */
export interface Shard {
  /** Where the handlers are given away: `app.ts:12 the function given to serve`. */
  readonly handlers: readonly string[];
  /** The variables of modules that they share. */
  readonly shares: readonly string[];
}

/** Which handlers could run in different workers, by the variables of modules that they write, or read while another writes. */
export function shardsOf(analysed: Analysed): Shard[] {
  const { graph, loaded } = analysed;
  const handlers = graph.starts.filter(({ stack, many, node }) => stack === 'coroutine' && many && loaded.shows(node.getSourceFile()));
  const touched = handlers.map((start) => touchedBy(start, analysed));
  const groups = handlers.map((_, i) => i);
  const find = (i: number): number => (groups[i] === i ? i : find(groups[i]!));
  const shared = new Map<number, Set<string>>();
  for (let i = 0; i < handlers.length; i++) {
    for (let j = 0; j < i; j++) {
      const common = [...touched[i]!].filter(([variable, written]) => touched[j]!.has(variable) && (written || touched[j]!.get(variable)));
      if (common.length === 0) continue;
      groups[find(i)] = find(j);
      const names = common.map(([variable]) => `${variable.name.getText()} (${placeText(variable, analysed)})`);
      for (const one of [i, j]) shared.set(one, new Set([...(shared.get(one) ?? []), ...names]));
    }
  }
  const shards = new Map<number, { handlers: string[]; shares: Set<string> }>();
  for (const [i, start] of handlers.entries()) {
    const shard = shards.get(find(i)) ?? { handlers: [], shares: new Set() };
    shards.set(find(i), shard);
    shard.handlers.push(`${placeText(start.node, analysed)} ${[...start.targets][0]?.name ?? 'a function'}`);
    for (const name of shared.get(i) ?? []) shard.shares.add(name);
  }
  return [...shards.values()].map((shard) => ({ handlers: shard.handlers, shares: [...shard.shares] }));
}

function placeText(node: TS.Node, { loaded }: Analysed): string {
  const { file, line } = loaded.placeOf(node);
  return `${file}:${String(line)}`;
}

const CHANGES = new Set(['set', 'add', 'delete', 'push', 'pop', 'shift', 'unshift', 'splice', 'clear', 'fill', 'sort', 'reverse']);

/** The variables of modules that a handler uses, and whether it may change them. */
function touchedBy(start: Start, { graph, loaded }: Analysed): Map<TS.VariableDeclaration, boolean> {
  const touched = new Map<TS.VariableDeclaration, boolean>();
  const visit = (node: TS.Node, root: Fn): void => {
    if (node !== root.node && graph.fnOf(node)) return;
    if (ts.isIdentifier(node)) {
      let symbol = loaded.checker.getSymbolAtLocation(node);
      if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = loaded.checker.getAliasedSymbol(symbol);
      const declaration = symbol?.valueDeclaration;
      const ofModule = declaration && ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent);
      if (ofModule && !declaration.getSourceFile().isDeclarationFile) {
        touched.set(declaration, touched.get(declaration) === true || isChanged(node));
      }
    }
    ts.forEachChild(node, (child) => { visit(child, root); });
  };
  const seen = new Set<Fn>();
  const pending = [...start.targets];
  for (let fn = pending.pop(); fn; fn = pending.pop()) {
    if (seen.has(fn)) continue;
    seen.add(fn);
    visit(fn.node, fn);
    for (const site of fn.sites) pending.push(...site.targets);
    for (const other of graph.starts) if (other.fn === fn) pending.push(...other.targets);
  }
  return touched;
}

/** Is the variable, or something in it, assigned, or changed by a method? */
function isChanged(identifier: TS.Identifier): boolean {
  let node: TS.Node = identifier;
  while ((ts.isPropertyAccessExpression(node.parent) || ts.isElementAccessExpression(node.parent)) && node.parent.expression === node) {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && ts.isCallExpression(parent.parent) && CHANGES.has(parent.name.text)) return true;
    node = parent;
  }
  const { parent } = node;
  if (ts.isPostfixUnaryExpression(parent) || ts.isDeleteExpression(parent)) return true;
  const { PlusPlusToken, MinusMinusToken } = ts.SyntaxKind;
  if (ts.isPrefixUnaryExpression(parent)) return parent.operator === PlusPlusToken || parent.operator === MinusMinusToken;
  if (!ts.isBinaryExpression(parent) || parent.left !== node) return false;
  const { FirstAssignment, LastAssignment } = ts.SyntaxKind;
  const { kind } = parent.operatorToken;
  return kind >= FirstAssignment && kind <= LastAssignment;
}
