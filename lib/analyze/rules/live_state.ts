import type TS from 'typescript';

import { bare } from '../functions.js';
import type { Fn } from '../model.js';
import { ts } from '../typescript.js';
import type { Analysed, Rule } from './rule.js';

/** Below this a value counts as small. */
const LARGE = 64 * 1024;
const KIB = 1024;
/** Calls whose results are as large as what they read. */
const UNBOUNDED = new Set(['readFile', 'readFileSync', 'readBody', 'bytes', 'arrayBuffer', 'formData', 'execFile', 'exec']);
const ALLOCATES = /^(?:Buffer\.alloc(?:Unsafe(?:Slow)?)?|(?:Uint8|Int8|Uint16|Int16|Uint32|Int32|Float32|Float64|BigInt64)Array|ArrayBuffer)$/;

/** Large values that a coroutine keeps while it is parked: with many coroutines, that is what memory goes to. */
export const liveState: Rule = {
  name: 'live-state',
  severity: 'note',
  about: 'A large value is kept in memory while the coroutine is parked.',
  check(analysed, report) {
    for (const fn of analysed.graph.fns) {
      const body = (fn.node as Partial<TS.FunctionLikeDeclaration>).body;
      if (!body || !analysed.loaded.shows(fn.node.getSourceFile())) continue;
      for (const { name, size } of largeIn(body, analysed)) {
        const parks = fn.sites.filter((site) => site.node.pos >= name.parent.end && analysed.parking.mayPark(site));
        const park = parks.find((site) => isUsedAfter(name, site.node.end, fn));
        const reason = park && analysed.parking.reasonAt(park);
        if (!park || !reason) continue;
        const { line } = analysed.loaded.placeOf(park.node);
        report({
          node: name,
          message: `${name.text} (${size}) stays in memory while the coroutine is parked in line ${String(line)}, in every coroutine that does this. ` +
            'Read it in pieces, or use it up before the call',
          trace: analysed.trace(reason),
        });
      }
    }
  },
};

function largeIn(body: TS.Node, { graph }: Analysed): { name: TS.Identifier; size: string }[] {
  const found: { name: TS.Identifier; size: string }[] = [];
  const visit = (node: TS.Node): void => {
    if (graph.fnOf(node)) return;
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      const size = sizeOf(bare(node.initializer));
      if (size !== undefined) found.push({ name: node.name, size });
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(body, visit);
  return found;
}

function sizeOf(value: TS.Expression): string | undefined {
  if (!ts.isCallExpression(value) && !ts.isNewExpression(value)) return undefined;
  const callee = value.expression;
  if (ALLOCATES.test(callee.getText())) {
    const bytes = value.arguments?.[0] ? numberOf(value.arguments[0]) : 0;
    return bytes >= LARGE ? `${String(Math.round(bytes / KIB))} KiB` : undefined;
  }
  const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText();
  return UNBOUNDED.has(name) ? 'as large as what is read' : undefined;
}

/** The value of an expression of plain numbers: `4 * 1024 * 1024`, `1 << 20`. */
function numberOf(expression: TS.Expression): number {
  const inner = bare(expression);
  if (ts.isNumericLiteral(inner)) return Number(inner.text.replaceAll('_', ''));
  if (!ts.isBinaryExpression(inner)) return 0;
  const [left, right] = [numberOf(inner.left), numberOf(inner.right)];
  const operator = inner.operatorToken.getText();
  if (operator === '*') return left * right;
  return operator === '<<' ? left << right : operator === '**' ? left ** right : operator === '+' ? left + right : 0;
}

function isUsedAfter(name: TS.Identifier, position: number, fn: Fn): boolean {
  let used = false;
  const visit = (node: TS.Node): void => {
    if (used || node.end <= position) return;
    if (ts.isIdentifier(node) && node.text === name.text && node.pos >= position && !isProperty(node)) used = true;
    else ts.forEachChild(node, visit);
  };
  visit(fn.node);
  return used;
}

function isProperty(node: TS.Identifier): boolean {
  const { parent } = node;
  return (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) && parent.name === node;
}
