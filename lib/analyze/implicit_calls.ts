import type TS from 'typescript';

import { ts } from './typescript.js';

/** The expressions that a node steps through: `for (... of x)`, `...x`, `yield* x`, `const [a] = x`, `Array.from(x)`. */
export function iterations(node: TS.Node): TS.Expression[] {
  if (ts.isForOfStatement(node)) return node.awaitModifier ? [] : [node.expression];
  if (ts.isSpreadElement(node)) return [node.expression];
  if (ts.isYieldExpression(node) && node.asteriskToken && node.expression) return [node.expression];
  if (ts.isVariableDeclaration(node) && ts.isArrayBindingPattern(node.name) && node.initializer) return [node.initializer];
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.arguments[0]) {
    const { expression, name } = node.expression;
    if (name.text === 'from' && ts.isIdentifier(expression) && expression.text === 'Array') return [node.arguments[0]];
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && ['Map', 'Set'].includes(node.expression.text) && node.arguments?.[0]) {
    return [node.arguments[0]];
  }
  return [];
}

/** The values that a `using` declaration disposes of at the end of its block. */
export function releases(node: TS.Node): TS.Expression[] {
  if (!ts.isVariableDeclaration(node) || !ts.isVariableDeclarationList(node.parent) || !node.initializer) return [];
  return (node.parent.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using ? [node.initializer] : [];
}
