import type TS from 'typescript';

import type { Fn } from './model.js';
import { ts } from './typescript.js';

/** A function of the program: with a body. */
export type WithBody = TS.FunctionLikeDeclaration & { body: TS.Node };

export function hasBody(node: TS.Node): node is WithBody {
  return ts.isFunctionLike(node) && (node as TS.FunctionLikeDeclaration).body !== undefined;
}

/** Parentheses, casts and the like do not change a value. */
export function bare(expression: TS.Expression): TS.Expression {
  let inner = expression;
  while (
    ts.isParenthesizedExpression(inner) || ts.isAsExpression(inner) || ts.isNonNullExpression(inner) || ts.isSatisfiesExpression(inner) ||
    ts.isTypeAssertionExpression(inner)
  ) {
    inner = inner.expression;
  }
  return inner;
}

function givenTo(node: TS.Node): string | undefined {
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) return parent.name.getText();
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken) return parent.left.getText();
  if (ts.isParenthesizedExpression(parent) || ts.isAsExpression(parent)) return givenTo(parent);
  if ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression !== node) {
    const called = parent.expression.getText();
    return `the function given to ${/[\w$#]+(?:\??\.[\w$#]+)?$/.exec(called)?.[0] ?? 'a call'}`;
  }
  return undefined;
}

/** The name by which traces call a function. */
export function nameOf(node: TS.Node, outer: Fn | undefined): string {
  if (ts.isSourceFile(node)) return 'the top level';
  const own = (node as TS.NamedDeclaration).name?.getText();
  if (ts.isClassLike(node)) return `new ${own ?? givenTo(node) ?? 'class'}`;
  if (ts.isConstructorDeclaration(node)) return `new ${node.parent.name?.text ?? givenTo(node.parent) ?? 'class'}`;
  if (own !== undefined) {
    return ts.isClassLike(node.parent) && node.parent.name ? `${node.parent.name.text}.${own}` : own;
  }
  return givenTo(node) ?? (outer ? `a function in ${outer.name}` : 'a function');
}

/** Does control never reach the end of this statement? */
export function alwaysExits(node: TS.Node): boolean {
  if (ts.isReturnStatement(node) || ts.isThrowStatement(node) || ts.isBreakOrContinueStatement(node)) return true;
  if (ts.isBlock(node)) return node.statements.some(alwaysExits);
  if (ts.isIfStatement(node)) return node.elseStatement !== undefined && alwaysExits(node.thenStatement) && alwaysExits(node.elseStatement);
  if (ts.isTryStatement(node)) {
    if (node.finallyBlock && alwaysExits(node.finallyBlock)) return true;
    return alwaysExits(node.tryBlock) && (!node.catchClause || alwaysExits(node.catchClause.block));
  }
  return false;
}

function isLoop(node: TS.Node): boolean {
  return ts.isIterationStatement(node, false);
}

function contains(outer: TS.Node, inner: TS.Node): boolean {
  return outer.pos <= inner.pos && inner.end <= outer.end;
}

/** Is there a way from an `await` to a later call of the same function? */
function reaches(wait: TS.Node, call: TS.Node, body: TS.Node): boolean {
  const before = wait.end <= call.end && !contains(wait, call);
  let inLoop = false;
  for (let node: TS.Node = wait, { parent } = wait; node !== body; node = parent, parent = parent.parent) {
    if (contains(parent, call)) {
      for (let up: TS.Node = parent; up !== body; up = up.parent) inLoop ||= isLoop(up);
      const exclusive = ts.isIfStatement(parent) && node !== parent.expression &&
        [parent.thenStatement, parent.elseStatement].some((branch) => branch !== undefined && branch !== node && contains(branch, call));
      return (before && !exclusive) || inLoop;
    }
    if (ts.isStatement(node) && alwaysExits(node) && !ts.isSourceFile(parent) && (ts.isIfStatement(parent) || ts.isBlock(node))) {
      if (!(ts.isTryStatement(parent) && parent.tryBlock === node)) return false;
    }
  }
  return before;
}

/** Where the async functions of a program wait, and so leave the stack that they were called on. */
export class Awaits {
  private readonly places = new Map<Fn, TS.Node[]>();

  note(fn: Fn, node: TS.Node): void {
    const list = this.places.get(fn);
    if (list) list.push(node);
    else this.places.set(fn, [node]);
  }

  precede(fn: Fn, call: TS.Node): boolean {
    const places = this.places.get(fn);
    if (!places) return false;
    return places.some((wait) => reaches(wait, call, fn.node));
  }
}

const ASKS = /\bcurrent\(\)|\bFiber\.current\b/;
const DENIES = /!\s*(?:(?:\w+\.)?current\(\)|Fiber\.current\b)|(?:\bcurrent\(\)|\bFiber\.current)\s*===?\s*(?:undefined|null)/;

/** Does the code ask `current()` and run this only in a coroutine? */
export function isGuarded(node: TS.Node, fn: Fn): boolean {
  for (let inner = node, { parent } = node; inner !== fn.node && !ts.isSourceFile(parent); inner = parent, parent = parent.parent) {
    if (ts.isIfStatement(parent) || ts.isConditionalExpression(parent)) {
      const condition = ts.isIfStatement(parent) ? parent.expression : parent.condition;
      const positive = ts.isIfStatement(parent) ? parent.thenStatement : parent.whenTrue;
      const text = condition.getText();
      if (inner !== condition && ASKS.test(text) && (inner === positive) !== DENIES.test(text)) return true;
    }
    if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken && inner === parent.right) {
      const text = parent.left.getText();
      if (ASKS.test(text) && !DENIES.test(text)) return true;
    }
    if (ts.isBlock(parent) || ts.isSourceFile(parent)) {
      const before = parent.statements.slice(0, parent.statements.indexOf(inner as TS.Statement));
      const leaves = (one: TS.Node) => ts.isIfStatement(one) && DENIES.test(one.expression.getText()) && alwaysExits(one.thenStatement);
      if (before.some(leaves)) return true;
    }
  }
  return false;
}
