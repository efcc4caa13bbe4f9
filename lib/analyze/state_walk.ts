import type TS from 'typescript';

import { alwaysExits, bare } from './functions.js';
import type { Fn, Site } from './model.js';
import type { Analysed } from './rules/rule.js';
import type { Location, SharedState } from './shared_state.js';
import { ts } from './typescript.js';

interface Access {
  readonly node: TS.Node;
  readonly fn: Fn;
}

interface Read extends Access {
  readonly location: Location;
  /** How many parks came before it, on the way from the function's beginning. */
  readonly epoch: number;
}

/** A read, a park behind it, and a write that depends on the read. */
export interface Stale {
  readonly location: Location;
  readonly read: Access;
  readonly park: Site;
  readonly write: Access;
}

/** What is known at a place of the walk. */
interface State {
  epoch: number;
  parks: readonly Site[];
  /** Reads that decided that this place is reached. */
  controls: Map<string, Read>;
  /** Reads that a local variable's value comes from. */
  variables: Map<TS.Node, readonly Read[]>;
}

const copy = (state: State): State => ({ ...state, controls: new Map(state.controls), variables: new Map(state.variables) });

const READS = new Set(['has', 'get', 'includes', 'indexOf', 'at', 'find', 'some', 'every']);
const WRITES = new Set(['set', 'add', 'delete', 'push', 'pop', 'shift', 'unshift', 'splice', 'clear']);
/** Writes of collections that have a key, which a read of another key says nothing about. */
const KEYED = new Set(['has', 'get', 'set', 'delete', 'add', 'includes']);

/** Walks through a function in the order in which it runs, callbacks that it gives away included, and pairs reads with writes. */
export class StateWalk {
  private readonly told = new Set<TS.Node>();
  private fn: Fn;

  constructor(
    private readonly analysed: Analysed,
    private readonly shared: SharedState,
    root: Fn,
    private readonly report: (stale: Stale) => void,
  ) {
    this.fn = root;
  }

  run(): void {
    const body = (this.fn.node as Partial<TS.FunctionLikeDeclaration>).body;
    if (body) this.walk(body, { epoch: 0, parks: [], controls: new Map(), variables: new Map() });
  }

  /** Walks a node; the state becomes that behind it. Returns the reads that its value depends on. */
  private walk(node: TS.Node | undefined, state: State): readonly Read[] {
    if (!node) return [];
    if (ts.isBlock(node)) {
      for (const statement of node.statements) this.walk(statement, state);
      return [];
    }
    if (ts.isIfStatement(node)) {
      this.choose(this.walk(node.expression, state), node.thenStatement, node.elseStatement, state);
      return [];
    }
    if (ts.isConditionalExpression(node)) return this.choose(this.walk(node.condition, state), node.whenTrue, node.whenFalse, state);
    if (ts.isIterationStatement(node, false)) return this.loop(node, state);
    if (ts.isBinaryExpression(node)) return this.binary(node, state);
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return this.unary(node, state);
    if (ts.isVariableDeclaration(node)) return this.declare(node, state);
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) return this.call(node, state);
    if (ts.isSwitchStatement(node)) return this.choices(node, state);
    if (ts.isTryStatement(node)) return this.attempt(node, state);
    if (ts.isFunctionLike(node) || ts.isClassLike(node) || ts.isTypeNode(node)) return [];
    if (ts.isDeleteExpression(node)) {
      this.write(node.expression, [], state);
      return [];
    }
    return this.value(node, state);
  }

  /** A node without rules of its own: an access, or what is in it. */
  private value(node: TS.Node, state: State): readonly Read[] {
    const reads: Read[] = [];
    if (ts.isIdentifier(node) || ts.isPropertyAccessExpression(node)) {
      if (ts.isIdentifier(node)) {
        const variable = this.shared.variable(node);
        if (variable) reads.push(...(state.variables.get(variable) ?? []));
      } else if (node.name.text === 'length' || node.name.text === 'size') {
        reads.push(...this.read(node.expression, state, true));
      }
      reads.push(...this.read(node, state, false));
      if (ts.isPropertyAccessExpression(node)) reads.push(...this.walk(node.expression, state));
    } else {
      ts.forEachChild(node, (child) => { reads.push(...this.walk(child, state)); });
    }
    this.parkAt(node, state);
    return reads;
  }

  private read(expression: TS.Expression, state: State, collection: boolean, key = ''): readonly Read[] {
    const location = this.shared.locationOf(expression, this.fn);
    if (!location || collection !== this.shared.isCollection(expression)) return [];
    return [{ location: withKey(location, key), node: expression, fn: this.fn, epoch: state.epoch }];
  }

  private parkAt(node: TS.Node, state: State): void {
    for (const site of this.analysed.graph.sitesOf(node)) {
      if (site.fn !== this.fn || site.afterAwait || !this.analysed.parking.mayPark(site)) continue;
      state.epoch++;
      state.parks = [...state.parks, site];
    }
  }

  private choose(reads: readonly Read[], first: TS.Node, second: TS.Node | undefined, state: State): readonly Read[] {
    const before = copy(state);
    control(state, reads);
    const other = copy(state);
    const values = [...this.walk(first, state), ...this.walk(second, other)];
    const exits = [first, second].map((node) => node !== undefined && alwaysExits(node));
    if (exits[0] && !exits[1]) Object.assign(state, other);
    else if (!exits[1]) this.merge(state, other, before);
    return [...reads, ...values];
  }

  /** Behind a choice, what was decided for one way only does not count. */
  private merge(state: State, other: State, before: State): void {
    for (const [key, read] of [...state.controls]) {
      if (before.controls.get(key) !== read || other.controls.get(key) !== read) state.controls.delete(key);
    }
    for (const variable of new Set([...state.variables.keys(), ...other.variables.keys()])) {
      const readsIn = ({ variables }: State) => variables.get(variable) ?? [];
      const [one, another, old] = [readsIn(state), readsIn(other), readsIn(before)];
      // What one way has written over does not count behind, because the conditions mostly hang together.
      const kept = one.filter((read) => another.includes(read) || !old.includes(read));
      state.variables.set(variable, [...kept, ...another.filter((read) => !old.includes(read) && !kept.includes(read))]);
    }
    if (other.epoch > state.epoch) {
      state.epoch = other.epoch;
      state.parks = other.parks;
    }
  }

  private loop(node: TS.IterationStatement, state: State): readonly Read[] {
    let condition = ts.isForStatement(node) ? node.condition : undefined;
    if (ts.isWhileStatement(node) || ts.isDoStatement(node)) condition = node.expression;
    if (ts.isForStatement(node)) this.walk(node.initializer, state);
    if (ts.isForOfStatement(node) || ts.isForInStatement(node)) this.walk(node.expression, state);
    const before = copy(state);
    if (!ts.isDoStatement(node)) control(state, this.walk(condition, state));
    this.walk(node.statement, state);
    if (ts.isForStatement(node)) this.walk(node.incrementor, state);
    const after = copy(state);
    this.merge(state, after, before);
    // The last evaluation of the condition decides that the loop is left.
    control(state, this.walk(condition, state));
    return [];
  }

  private binary(node: TS.BinaryExpression, state: State): readonly Read[] {
    const { left, right, operatorToken: { kind } } = node;
    const logical = [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken];
    if (logical.includes(kind)) {
      const reads = this.walk(left, state);
      const before = copy(state);
      const skipped = copy(state);
      control(state, reads);
      const values = this.walk(right, state);
      this.merge(state, skipped, before);
      return [...reads, ...values];
    }
    const { FirstAssignment, LastAssignment } = ts.SyntaxKind;
    if (kind < FirstAssignment || kind > LastAssignment) return [...this.walk(left, state), ...this.walk(right, state)];
    // `a += f()` reads `a` before it calls.
    const own = kind === ts.SyntaxKind.EqualsToken ? [] : this.walk(left, state);
    if (kind === ts.SyntaxKind.EqualsToken && ts.isElementAccessExpression(left)) this.walk(left.argumentExpression, state);
    const lazy = ['??=', '||=', '&&='].includes(node.operatorToken.getText());
    const before = copy(state);
    if (lazy) control(state, own);
    const reads = [...own, ...this.walk(right, state)];
    this.write(left, reads, state);
    if (lazy) this.merge(state, copy(before), before);
    return reads;
  }

  private unary(node: TS.PrefixUnaryExpression | TS.PostfixUnaryExpression, state: State): readonly Read[] {
    const reads = this.walk(node.operand, state);
    const { PlusPlusToken, MinusMinusToken } = ts.SyntaxKind;
    if (node.operator === PlusPlusToken || node.operator === MinusMinusToken) this.write(node.operand, reads, state);
    return reads;
  }

  private declare(node: TS.VariableDeclaration, state: State): readonly Read[] {
    const reads = this.walk(node.initializer, state);
    if (ts.isIdentifier(node.name) && reads.length > 0) state.variables.set(node, reads);
    return [];
  }

  private call(node: TS.CallExpression | TS.NewExpression, state: State): readonly Read[] {
    const callee = bare(node.expression);
    const reads: Read[] = [];
    reads.push(...this.walk(ts.isPropertyAccessExpression(callee) ? callee.expression : callee, state));
    for (const arg of node.arguments ?? []) reads.push(...this.argument(arg, state));
    if (ts.isPropertyAccessExpression(callee) && this.shared.isCollection(callee.expression)) {
      const { text } = callee.name;
      const key = KEYED.has(text) ? (node.arguments?.[0]?.getText() ?? '') : '';
      if (READS.has(text)) reads.push(...this.read(callee.expression, state, true, key));
      else if (WRITES.has(text)) this.write(callee.expression, [], state, key);
    }
    this.parkAt(node, state);
    return reads;
  }

  /** A callback that is called before the call returns is walked where it stands. */
  private argument(arg: TS.Expression, state: State): readonly Read[] {
    const inner = bare(arg);
    const site = this.analysed.graph.sitesOf(inner).find(({ callbackOf }) => callbackOf !== undefined);
    const fn = ts.isFunctionLike(inner) ? this.analysed.graph.fnOf(inner) : undefined;
    if (!fn || !site?.callbackOf) return this.walk(arg, state);
    // Taking a lock may park before the callback runs.
    if (site.callbackOf.effect?.does === 'with-lock') {
      state.epoch++;
      state.parks = [...state.parks, site.callbackOf];
    }
    const outer = this.fn;
    this.fn = fn;
    const { body } = inner as TS.ArrowFunction;
    const before = copy(state);
    const reads = this.walk(body, state);
    this.fn = outer;
    this.merge(state, copy(state), before);
    return reads;
  }

  private choices(node: TS.SwitchStatement, state: State): readonly Read[] {
    const reads = this.walk(node.expression, state);
    const before = copy(state);
    control(state, reads);
    const entered = copy(state);
    for (const clause of node.caseBlock.clauses) {
      const one = copy(entered);
      for (const statement of clause.statements) this.walk(statement, one);
      const leaves = clause.statements.some((statement) => ts.isReturnStatement(statement) || ts.isThrowStatement(statement));
      if (!leaves) this.merge(state, one, before);
    }
    return [];
  }

  private attempt(node: TS.TryStatement, state: State): readonly Read[] {
    const before = copy(state);
    this.walk(node.tryBlock, state);
    if (node.catchClause) {
      const failed = copy(state);
      for (const key of [...failed.controls.keys()]) if (!before.controls.has(key)) failed.controls.delete(key);
      this.walk(node.catchClause.block, failed);
      if (!alwaysExits(node.catchClause.block)) this.merge(state, failed, before);
    }
    if (node.finallyBlock) this.walk(node.finallyBlock, state);
    return [];
  }

  private write(target: TS.Expression, reads: readonly Read[], state: State, key = ''): void {
    const inner = bare(target);
    const variable = ts.isIdentifier(inner) ? this.shared.variable(inner) : undefined;
    const element = ts.isElementAccessExpression(inner);
    const plain = this.shared.locationOf(inner, this.fn);
    if (!plain) {
      if (variable) state.variables.set(variable, reads);
      return;
    }
    const location = withKey(plain, element ? inner.argumentExpression.getText() : key);
    const decided = state.controls.get(location.key) ?? state.controls.get(plain.key);
    const used = [decided, ...reads.filter((read) => read.location.key === location.key)];
    const stale = used.filter((read) => read !== undefined && read.epoch < state.epoch);
    const [read] = stale;
    if (read && !this.told.has(read.node)) {
      this.told.add(read.node);
      this.report({ location: plain, read, park: state.parks[read.epoch]!, write: { node: inner, fn: this.fn } });
    }
    for (const known of [location.key, plain.key]) state.controls.delete(known);
    for (const [name, from] of state.variables) {
      const others = from.filter((one) => one.location.key !== location.key);
      if (others.length < from.length) state.variables.set(name, others);
    }
  }
}

/** A newer read in a condition takes the place of an older one: the code has checked again. */
function control(state: State, reads: readonly Read[]): void {
  for (const read of reads) {
    const known = state.controls.get(read.location.key);
    if (!known || known.epoch <= read.epoch) state.controls.set(read.location.key, read);
  }
}

function withKey({ key, text }: Location, entry: string): Location {
  return entry === '' ? { key, text } : { key: `${key}[${entry}]`, text };
}
