import type TS from 'typescript';

import { bare } from './functions.js';
import { isUsing } from './implicit_calls.js';
import { libraryName } from './library.js';
import type { Fn, Graph, Site } from './model.js';
import { ts } from './typescript.js';

/** A lock, as the source names it. Locks of the same field of several objects have one declaration. */
export interface Lock {
  readonly declaration: TS.Node;
  /** The object whose field it is, as written: `this`, `from`; empty for a variable. */
  readonly receiver: string;
  readonly text: string;
  /** Readers hold it together. */
  readonly shared: boolean;
  /** The class, in whose errors it appears: Mutex, Semaphore, ReadWriteLock. */
  readonly kind: string;
}

/** From taking a lock to giving it back, in one function. */
export interface Region {
  readonly lock: Lock;
  readonly site: Site;
  readonly from: number;
  readonly to: number;
  /** How it is given back. */
  readonly release: 'block' | 'finally' | 'callback' | 'plain' | 'none';
}

/** Where which locks are held. */
export class LockMap {
  private readonly regions = new Map<Fn, Region[]>();
  private readonly entries = new Map<Fn, readonly Region[]>();
  private readonly roots = new Set<Fn>();

  constructor(
    private readonly graph: Graph,
    private readonly checker: TS.TypeChecker,
  ) {
    for (const fn of graph.fns) {
      const found = fn.sites.flatMap((site) => this.regionOf(site) ?? []);
      if (found.length > 0) this.regions.set(fn, found);
    }
    for (const start of graph.starts) for (const fn of start.targets) this.roots.add(fn);
  }

  /** The regions that begin in a function. */
  regionsIn(fn: Fn): readonly Region[] {
    return this.regions.get(fn) ?? [];
  }

  /** The locks that are held at a place: taken in this function, or by every caller of it. */
  heldAt(node: TS.Node, fn: Fn): readonly Region[] {
    const own = this.regionsIn(fn).filter(({ from, to, site }) => from <= node.pos && node.end <= to && site.node !== node);
    return [...own, ...this.atEntry(fn)];
  }

  private atEntry(fn: Fn): readonly Region[] {
    const known = this.entries.get(fn);
    if (known) return known;
    // For a recursive call, which holds what the first has held.
    this.entries.set(fn, []);
    if (this.roots.has(fn) || fn.callers.length === 0) return [];
    let common: readonly Region[] | undefined;
    for (const site of fn.callers) {
      if (site.fn === fn) continue;
      const held = this.heldAt(site.node, site.fn);
      common = common ? common.filter((one) => held.some((other) => isSame(one.lock, other.lock))) : held;
      if (common.length === 0) break;
    }
    this.entries.set(fn, common ?? []);
    return common ?? [];
  }

  private regionOf(site: Site): Region | undefined {
    const does = site.effect?.does;
    if ((does !== 'lock' && does !== 'with-lock') || !ts.isCallExpression(site.node)) return undefined;
    const lock = this.lockOf(site);
    if (!lock) return undefined;
    if (does === 'with-lock') {
      const arg = site.args.find((one) => ts.isFunctionLike(bare(one))) ?? site.args[0];
      return arg ? { lock, site, from: arg.pos, to: arg.end, release: 'callback' } : undefined;
    }
    return { lock, site, ...extentOf(site.node, lock) };
  }

  /** What the receiver of a call like `this.mutex.lock()` names. */
  lockOf(site: Site): Lock | undefined {
    const callee = bare((site.node as TS.CallExpression).expression);
    if (!ts.isPropertyAccessExpression(callee)) return undefined;
    const object = bare(callee.expression);
    // A class that is a lock itself.
    if (object.kind === ts.SyntaxKind.ThisKeyword || object.kind === ts.SyntaxKind.SuperKeyword) return undefined;
    const named = ts.isPropertyAccessExpression(object) ? object.name : object;
    const symbol = this.checker.getSymbolAtLocation(named);
    const [method] = this.checker.getSymbolAtLocation(callee.name)?.declarations ?? [];
    const real = symbol && symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
    const declaration = real?.declarations?.[0];
    if (!declaration || !method) return undefined;
    const receiver = ts.isPropertyAccessExpression(object) ? object.expression.getText() : '';
    const effect = site.effect as { shared?: boolean };
    const kind = libraryName(method).replace(/\..*/, '');
    const several = kind === 'Semaphore' && !/new Semaphore\(1\b/.test(declaration.getText());
    return { declaration, receiver, text: object.getText(), shared: effect.shared === true || several, kind };
  }

  /** The function at whose site a region begins. */
  get all(): readonly [Fn, Region][] {
    return this.graph.fns.flatMap((fn) => this.regionsIn(fn).map((region): [Fn, Region] => [fn, region]));
  }
}

export function isSame(a: Lock, b: Lock): boolean {
  return a.declaration === b.declaration && a.receiver === b.receiver;
}

function blockOf(node: TS.Node): TS.Node {
  const isBlock = (one: TS.Node) => ts.isBlock(one) || ts.isSourceFile(one) || ts.isCaseOrDefaultClause(one) || ts.isModuleBlock(one);
  return ts.findAncestor(node, isBlock) ?? node.getSourceFile();
}

const RELEASES = /^(?:unlock|release)$/;

/** Does a node give the lock back: `mutex.unlock()`, or `held[Symbol.dispose]()`? */
function releasesLock(node: TS.Node, lock: Lock, holder: string | undefined): boolean {
  if (!ts.isCallExpression(node)) return false;
  const callee = bare(node.expression);
  if (ts.isPropertyAccessExpression(callee)) return RELEASES.test(callee.name.text) && callee.expression.getText() === lock.text;
  if (!ts.isElementAccessExpression(callee) || callee.expression.getText() !== holder) return false;
  return callee.argumentExpression.getText() === 'Symbol.dispose';
}

function findIn(node: TS.Node, test: (node: TS.Node) => boolean): TS.Node | undefined {
  if (test(node)) return node;
  return ts.forEachChild(node, (child) => (ts.isFunctionLike(child) ? undefined : findIn(child, test)));
}

function extentOf(call: TS.Node, lock: Lock): Pick<Region, 'from' | 'to' | 'release'> {
  const from = call.end;
  const declared = ts.findAncestor(call, ts.isVariableDeclaration);
  const block = blockOf(call);
  if (declared && isUsing(declared)) return { from, to: block.end, release: 'block' };
  const holder = declared?.name.getText();
  const gives = (node: TS.Node) => releasesLock(node, lock, holder);
  // In a `try` whose `finally` gives it back.
  for (let up: TS.Node = call; !ts.isFunctionLike(up) && !ts.isSourceFile(up); up = up.parent) {
    if (!ts.isTryStatement(up) || !up.finallyBlock || up.tryBlock.pos > call.pos || call.end > up.tryBlock.end) continue;
    if (findIn(up.finallyBlock, gives)) return { from, to: up.end, release: 'finally' };
  }
  const own = ts.findAncestor(call, (one) => one.parent === block);
  const rest = statementsOf(block).filter((statement) => own !== undefined && statement.pos >= own.end);
  for (const statement of rest) {
    const to = statement.end;
    const last = ts.isTryStatement(statement) ? statement.finallyBlock : undefined;
    if (last && findIn(last, gives)) return { from, to, release: 'finally' };
    if (ts.isExpressionStatement(statement) && findIn(statement, gives)) return { from, to, release: 'plain' };
  }
  const scope = ts.findAncestor(call, (one) => ts.isFunctionLike(one) || ts.isSourceFile(one))!;
  const last = findIn(scope, (node) => node.pos > from && gives(node));
  return last ? { from, to: last.end, release: 'plain' } : { from, to: scope.end, release: 'none' };
}

function statementsOf(block: TS.Node): readonly TS.Statement[] {
  return (block as Partial<TS.Block>).statements ?? [];
}
