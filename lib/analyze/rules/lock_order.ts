import type TS from 'typescript';

import { bare } from '../functions.js';
import { isSame, type Lock, type Region } from '../locks.js';
import type { Fn, Site } from '../model.js';
import { ts } from '../typescript.js';
import type { Analysed, Rule } from './rule.js';

/** Lock B is taken at `site` while A is held, itself or by what is called there. */
interface Edge {
  readonly held: Region;
  readonly taken: Region;
  readonly site: Site;
}

/** What a function takes, directly or through calls on its stack. */
function takenBy(analysed: Analysed): Map<Fn, Set<Region>> {
  const taken = new Map<Fn, Set<Region>>();
  const pending = new Set<Fn>();
  for (const [fn, region] of analysed.locks.all) {
    const set = taken.get(fn) ?? new Set();
    taken.set(fn, set.add(region));
    pending.add(fn);
  }
  for (const fn of pending) {
    pending.delete(fn);
    for (const site of fn.callers) {
      if (site.afterAwait) continue;
      const set = taken.get(site.fn) ?? new Set();
      const { size } = set;
      for (const region of taken.get(fn)!) set.add(region);
      taken.set(site.fn, set);
      if (set.size > size) pending.add(site.fn);
    }
  }
  return taken;
}

function edgesOf(analysed: Analysed): Edge[] {
  const taken = takenBy(analysed);
  const edges: Edge[] = [];
  for (const [fn, region] of analysed.locks.all) {
    for (const site of fn.sites) {
      if (site === region.site || site.node.pos < region.from || site.node.end > region.to) continue;
      const own = analysed.locks.regionsIn(fn).find((other) => other.site === site);
      if (own) edges.push({ held: region, taken: own, site });
      for (const target of site.targets) {
        for (const inner of taken.get(target) ?? []) {
          if (inner.site.fn !== fn || inner !== region) edges.push({ held: region, taken: inner, site });
        }
      }
    }
  }
  // In the order of the source, so that a cycle is reported where it begins.
  const place = ({ site: { node } }: Edge) => [node.getSourceFile().fileName, node.pos] as const;
  return edges.filter(isFirm).sort((a, b) => {
    const [[file, at], [other, there]] = [place(a), place(b)];
    return file === other ? at - there : file < other ? -1 : 1;
  });
}

const placesOf = ({ held, taken, site }: Edge, { loaded }: Analysed) => [
  { ...loaded.placeOf(held.site.node), text: `${held.site.fn.name} takes ${held.lock.text}` },
  ...(site !== taken.site ? [{ ...loaded.placeOf(site.node), text: 'calls, while it holds that' }] : []),
  { ...loaded.placeOf(taken.site.node), text: `${taken.site.fn.name} takes ${taken.lock.text}` },
];

/** Is it the same object for sure, in the function that holds it and in the one that takes it? */
function isSameObject({ held, taken, site }: Edge): boolean {
  if (!isSame(held.lock, taken.lock)) return false;
  if (held.lock.receiver === '') return isSingle(held.lock.declaration);
  if (held.site.fn === taken.site.fn) return true;
  if (held.lock.receiver !== 'this') return false;
  // A method of the same object.
  const callee = ts.isCallExpression(site.node) ? bare(site.node.expression) : undefined;
  const direct = callee !== undefined && ts.isPropertyAccessExpression(callee) && callee.expression.kind === ts.SyntaxKind.ThisKeyword;
  const inCallback = ts.isArrowFunction(taken.site.fn.node) && taken.site.fn.outer === held.site.fn;
  const ownerOfTaken = ts.isArrowFunction(taken.site.fn.node) ? taken.site.fn.outer : undefined;
  return inCallback || (direct && [...site.targets].some((fn) => fn === taken.site.fn || fn === ownerOfTaken));
}

/** Are both locks of one object, or such that there is one only? Calls may lead to other objects of the same class, and to their locks. */
function isFirm(edge: Edge): boolean {
  const { held, taken, site } = edge;
  const single = [held, taken].map(({ lock }) => lock.receiver === '' && isSingle(lock.declaration));
  if (site === taken.site || taken.site.fn.outer === held.site.fn) return true;
  if (single[0] && single[1]) return true;
  if (held.lock.receiver !== 'this' || taken.lock.receiver !== 'this') return false;
  const callee = ts.isCallExpression(site.node) ? bare(site.node.expression) : undefined;
  return callee !== undefined && ts.isPropertyAccessExpression(callee) && callee.expression.kind === ts.SyntaxKind.ThisKeyword;
}

/** A variable of which there is one: a module's, or one of the function that both places stand in. */
function isSingle(declaration: TS.Node): boolean {
  if (!ts.isVariableDeclaration(declaration)) return false;
  return ts.isSourceFile(ts.findAncestor(declaration, (one) => ts.isFunctionLike(one) || ts.isSourceFile(one))!);
}

/** A lock that its holder takes again. */
export const lockRecursive: Rule = {
  name: 'lock-recursive',
  severity: 'error',
  about: 'A coroutine takes a lock that it holds.',
  check(analysed, report) {
    const seen = new Set<Site>();
    for (const edge of edgesOf(analysed)) {
      const { held, taken, site } = edge;
      if (seen.has(site) || !isSameObject(edge) || held.lock.kind === 'Semaphore' || (held.lock.shared && taken.lock.shared)) continue;
      if (taken.lock.kind !== held.lock.kind || taken.site === held.site) continue;
      seen.add(site);
      report({
        node: site.node,
        message: `${taken.lock.text} is locked already, by this coroutine: taking it again throws RecursiveLockError. ` +
          'Split the function into one that locks and one that expects the lock to be held',
        trace: placesOf(edge, analysed),
      });
    }
  },
};

/** Locks that are taken in one order here, and in another there. */
export const lockOrder: Rule = {
  name: 'lock-order',
  severity: 'warning',
  about: 'Locks are taken in different orders, so coroutines may wait for each other without end.',
  check(analysed, report) {
    const edges = edgesOf(analysed).filter(
      ({ held, taken }) => !(held.lock.shared && taken.lock.shared) || held.lock.kind === 'Semaphore',
    );
    const from = new Map<TS.Node, Edge[]>();
    for (const edge of edges) {
      const { declaration } = edge.held.lock;
      from.set(declaration, [...(from.get(declaration) ?? []), edge]);
    }
    const told = new Set<string>();
    const ids = new Map<TS.Node, number>();
    const idOf = (node: TS.Node): number => {
      if (!ids.has(node)) ids.set(node, ids.size);
      return ids.get(node)!;
    };
    for (const edge of edges) {
      const { held: { lock: a }, taken: { lock: b } } = edge;
      if (a.declaration === b.declaration) {
        if (!isUnordered(edge)) continue;
        report({
          node: edge.taken.site.node,
          message: `${b.text} is taken while ${a.text} is held: a coroutine that does the same with both the other way round, and this one, wait for each other ` +
            'without end. Take them in one order that both agree on, such as by id',
          trace: placesOf(edge, analysed),
        });
        continue;
      }
      const way = pathBack(b.declaration, a.declaration, from);
      if (!way) continue;
      const ring = [a, b, ...way.map(({ taken }) => taken.lock)].map(({ declaration }) => idOf(declaration));
      const key = [...new Set(ring)].sort((one, other) => one - other).join();
      if (told.has(key)) continue;
      told.add(key);
      report({
        node: edge.taken.site.node,
        message: `${a.text} and then ${b.text} is taken here, elsewhere the other way round: two coroutines that do both at once wait for each other without end. ` +
          'Take them in the same order everywhere',
        trace: [edge, ...way].flatMap((one) => placesOf(one, analysed)),
      });
    }
  },
};

function pathBack(start: TS.Node, goal: TS.Node, from: ReadonlyMap<TS.Node, Edge[]>): Edge[] | undefined {
  const queue: Edge[][] = (from.get(start) ?? []).map((edge) => [edge]);
  const seen = new Set<TS.Node>([start]);
  for (let path = queue.shift(); path; path = queue.shift()) {
    const end = path.at(-1)!.taken.lock.declaration;
    if (end === goal) return path;
    if (seen.has(end)) continue;
    seen.add(end);
    for (const edge of from.get(end) ?? []) queue.push([...path, edge]);
  }
  return undefined;
}

/** The same field of two objects that come as they are given: `from.mutex` and then `to.mutex`, both parameters. */
function isUnordered({ held, taken }: Edge): boolean {
  if (isSame(held.lock, taken.lock) || held.lock.receiver === '' || held.site.fn.outer === undefined) return false;
  const owner = (fn: Fn): Fn => (fn.outer && fn.callers.some(({ callbackOf }) => callbackOf !== undefined) ? owner(fn.outer) : fn);
  const fn = owner(held.site.fn);
  if (fn !== owner(taken.site.fn)) return false;
  const names = fn.parameters.map(({ name }) => name.getText());
  const given = (lock: Lock) => lock.receiver === 'this' || names.includes(lock.receiver);
  if (!given(held.lock) || !given(taken.lock)) return false;
  // A comparison of the two is taken for an order.
  const text = fn.node.getText();
  const [a, b] = [held.lock.receiver, taken.lock.receiver].map((name) => name.replace(/\W/g, '\\$&'));
  return !new RegExp(`\\b${a!}\\b[^;{}]*[<>][^;{}]*\\b${b!}\\b|\\b${b!}\\b[^;{}]*[<>][^;{}]*\\b${a!}\\b`).test(text.replace(/=>/g, ''));
}
