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
  const [made] = (ts.isNewExpression(node) && node.arguments) || [];
  return made && /^(?:Map|Set)$/.test((node as TS.NewExpression).expression.getText()) ? [made] : [];
}

/** Is it `using x = …`? */
export function isUsing(node: TS.VariableDeclaration): boolean {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-comparison -- flags
  return (node.parent.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using;
}

/** The values that a `using` declaration disposes of at the end of its block. */
export function releases(node: TS.Node): TS.Expression[] {
  return ts.isVariableDeclaration(node) && node.initializer && isUsing(node) ? [node.initializer] : [];
}
