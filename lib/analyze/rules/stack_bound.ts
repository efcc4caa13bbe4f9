import type TS from 'typescript';

import type { Fn, Site } from '../model.js';
import { ts } from '../typescript.js';
import type { Rule } from './rule.js';

const DEFAULT_STACK = 256 * 1024;
/** What a frame takes besides its variables, in bytes: an estimate, of interpreted frames on x86-64. */
const FRAME = 150;
const PER_VARIABLE = 8;
/** Kept free for the engine and for native functions. */
const RESERVE = 32 * 1024;

/** Coroutines whose functions recurse: how deep they may go on their stack. */
export const stackBound: Rule = {
  name: 'stack-bound',
  severity: 'note',
  about: 'A coroutine recurses, and its stack bounds how deep.',
  check(analysed, report) {
    for (const start of analysed.graph.starts) {
      if (start.stack !== 'coroutine' || hasStackSize(start.node)) continue;
      for (const fn of start.targets) {
        const ring = recursionFrom(fn);
        if (!ring) continue;
        const bytes = ring.reduce((sum, { fn: one }) => sum + frameOf(one), 0);
        const levels = Math.floor((DEFAULT_STACK - RESERVE) / bytes / 100) * 100;
        const names = [...ring.map(({ fn: one }) => one.name), ring[0]!.fn.name].join(' → ');
        report({
          node: start.node,
          message: `The coroutine recurses: ${names}. A level takes about ${String(bytes)} bytes, so the default stack of 256 KiB holds about ` +
            `${String(levels)}; deeper, the call throws RangeError. Where data may nest deeper, spawn with { stackSize: ${String(sizeFor(bytes))} } for 10000 levels`,
          trace: ring.map((site) => ({ ...analysed.loaded.placeOf(site.node), text: `${site.fn.name} calls ${nextOf(site, ring)}` })),
        });
        break;
      }
    }
  },
};

const nextOf = (site: Site, ring: readonly Site[]): string => (ring[ring.indexOf(site) + 1] ?? ring[0]!).fn.name;

function sizeFor(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes * 10_000 + RESERVE));
}

function hasStackSize(given: TS.Node): boolean {
  return ts.isCallExpression(given.parent) && given.parent.arguments.some((arg) => arg !== given && arg.getText().includes('stackSize'));
}

function frameOf(fn: Fn): number {
  let variables = fn.parameters.length;
  const count = (node: TS.Node): void => {
    if (ts.isVariableDeclaration(node)) variables++;
    if (node === fn.node || !ts.isFunctionLike(node)) ts.forEachChild(node, count);
  };
  count(fn.node);
  return FRAME + PER_VARIABLE * variables;
}

/** The calls of the first circle that a search in depth comes to. Calls of which it is not certain what they run are left out. */
function recursionFrom(root: Fn): Site[] | undefined {
  const done = new Set<Fn>();
  const path: Site[] = [];
  const search = (fn: Fn): Site[] | undefined => {
    const begin = path.findIndex((site) => site.fn === fn);
    if (begin >= 0) return path.slice(begin);
    if (done.has(fn)) return undefined;
    for (const site of fn.sites) {
      if (site.targets.size !== 1 || site.parameter) continue;
      path.push(site);
      const found = search([...site.targets][0]!);
      if (found) return found;
      path.pop();
    }
    done.add(fn);
    return undefined;
  };
  return search(root);
}
