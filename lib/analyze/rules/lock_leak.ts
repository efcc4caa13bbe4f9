import type TS from 'typescript';

import type { Region } from '../locks.js';
import type { Fn } from '../model.js';
import { ts } from '../typescript.js';
import type { Analysed, Rule } from './rule.js';

/** Locks that some way out of the function does not give back. */
export const lockLeak: Rule = {
  name: 'lock-leak',
  severity: 'warning',
  about: 'A lock is not given back on some way out of the function.',
  check(analysed, report) {
    for (const [fn, region] of analysed.locks.all) {
      if (region.release !== 'plain') continue;
      const way = wayOut(fn, region, analysed);
      if (!way) continue;
      const { text, kind } = region.lock;
      const advice = kind === 'Mutex' ? `Write using lock = ${text}.lock(), or ${text}.withLock(() => …)` : 'Give it back in a finally block, or use the call that takes a function';
      report({
        node: region.site.node,
        message: `${text} stays locked ${way.how}, and every other coroutine then waits for it without end. ${advice}`,
        trace: [{ ...analysed.loaded.placeOf(way.node), text: way.what }],
      });
    }
  },
};

interface Way {
  node: TS.Node;
  how: string;
  what: string;
}

function wayOut(fn: Fn, { from, to, lock, site: taken }: Region, { parking }: Analysed): Way | undefined {
  const inside = (node: TS.Node) => node.pos >= from && node.end <= to;
  for (const site of fn.sites) {
    if (site === taken || !inside(site.node) || isCaught(site.node, from)) continue;
    if (!parking.mayPark(site)) continue;
    return { node: site.node, how: 'when the coroutine is cancelled while it waits here, or this call throws', what: `may park while ${lock.text} is locked` };
  }
  let found: Way | undefined;
  const look = (node: TS.Node): void => {
    if (found || (ts.isFunctionLike(node) && node !== fn.node)) return;
    if ((ts.isReturnStatement(node) || ts.isThrowStatement(node)) && inside(node) && !isReleasedBefore(node, lock.text, from)) {
      const how = ts.isReturnStatement(node) ? 'when the function returns here' : 'when the function throws here';
      found = { node, how, what: 'leaves the function' };
      return;
    }
    ts.forEachChild(node, look);
  };
  look(fn.node);
  return found;
}

/** Is it in a `try` behind the lock, whose `catch` may give it back? */
function isCaught(node: TS.Node, from: number): boolean {
  const attempt = ts.findAncestor(node, (one) => {
    if (ts.isFunctionLike(one)) return 'quit';
    return ts.isTryStatement(one) && one.pos >= from && one.tryBlock.end >= node.end;
  });
  return attempt !== undefined;
}

/** Has a statement of the same block given the lock back? */
function isReleasedBefore(node: TS.Node, text: string, from: number): boolean {
  const { parent } = node;
  const statements = (parent as Partial<TS.Block>).statements ?? [];
  return statements.some((one) => one.pos >= from && one.end <= node.pos && ts.isExpressionStatement(one) && /\.(?:unlock|release)\(/.test(one.getText()) && one.getText().includes(text));
}
