import type TS from 'typescript';

import type { Fn } from '../model.js';
import { ts } from '../typescript.js';
import type { Rule } from './rule.js';

/** Promises that a coroutine makes and neither waits for nor keeps. */
export const lostPromise: Rule = {
  name: 'lost-promise',
  severity: 'warning',
  about: 'A coroutine makes a promise and neither waits for it nor keeps it.',
  check({ graph, loaded, contexts, parking }, report) {
    const onMain = new Set(graph.starts.filter(({ stack }) => stack === 'main').flatMap(({ targets }) => [...targets]));
    const visit = (node: TS.Node, fn: Fn): void => {
      const own = graph.fnOf(node) ?? fn;
      const relevant = !own.isAsync && (contexts.has(own) || (parking.reasonOf(own) !== undefined && !onMain.has(own)));
      if (relevant && ts.isExpressionStatement(node) && isLost(node.expression, loaded.checker)) {
        const message = 'The coroutine goes on before this promise is settled, and nothing hears of its failure, which is an unhandled ' +
          'rejection. Wait for it: wait(…). If that is meant, write void before it and handle its failure';
        report({ node: node.expression, message });
      }
      ts.forEachChild(node, (child) => { visit(child, own); });
    };
    for (const file of loaded.files) if (loaded.shows(file)) visit(file, graph.fnOf(file)!);
  },
};

function isLost(expression: TS.Expression, checker: TS.TypeChecker): boolean {
  if (!ts.isCallExpression(expression)) return false;
  const { expression: callee, arguments: args } = expression;
  if (ts.isPropertyAccessExpression(callee)) {
    const { text } = callee.name;
    if (text === 'catch' || (text === 'then' && args.length > 1)) return false;
  }
  const { symbol } = checker.getTypeAtLocation(expression);
  return symbol?.name === 'Promise' && symbol.declarations?.some((one) => /\/lib\.[\w.]+\.d\.ts$/.test(one.getSourceFile().fileName)) === true;
}
