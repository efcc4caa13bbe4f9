import type TS from 'typescript';

import { Expressions } from './expressions.js';
import { Awaits, bare, hasBody, isGuarded, nameOf } from './functions.js';
import { hostEffect } from './host_functions.js';
import { effectOf, libraryName, parkingOf, roomOf } from './library.js';
import { iterations, releases } from './implicit_calls.js';
import { ValueFlow } from './value_flow.js';
import type { Fn, Graph, Site, Start } from './model.js';
import type { Loaded } from './program.js';
import { checkerOf, ts } from './typescript.js';
import { Slot, Values, type Source } from './values.js';

/** Builds the call graph of a program: its functions, what they call and on which stack, and what runs on stacks of its own. */
export function buildGraph(loaded: Loaded): Graph {
  return new Builder(loaded).build();
}

class Builder {
  private readonly fns = new Map<TS.Node, Fn>();
  private readonly sites = new Map<TS.Node, Site>();
  private readonly starts: Start[] = [];
  /** Steps of generators, by what is iterated; and those whose node has another site, too. */
  private readonly stepped = new Map<TS.Node, Site>();
  private readonly extra: Site[] = [];
  private readonly values = new Values();
  private readonly awaits = new Awaits();
  private readonly accessors = new Set<string>();
  private readonly emitted = new Map<string, Slot>();
  private readonly checker: TS.TypeChecker;
  private readonly expressions: Expressions;
  private readonly flow: ValueFlow;

  constructor(private readonly loaded: Loaded) {
    this.checker = loaded.checker;
    this.expressions = new Expressions(this.checker, this.values, (node) => this.fns.get(node));
    this.flow = new ValueFlow(this.checker, this.values, this.expressions, (node) => this.fns.get(node));
  }

  build(): Graph {
    for (const file of this.loaded.files) this.declare(file, undefined);
    for (const file of this.loaded.files) this.visit(file, this.fns.get(file)!);
    for (const site of new Set([...this.sites.values(), ...this.extra])) {
      site.afterAwait = (site.fn.isAsync && this.awaits.precede(site.fn, site.node));
      site.guarded = isGuarded(site.node, site.fn);
      for (const target of site.targets) target.callers.push(site);
    }
    return {
      fns: [...this.fns.values()],
      starts: this.starts,
      fnOf: (node) => this.fns.get(node),
      functionsIn: (expression) => this.values.functionsIn(this.expressions.of(expression)),
      parameterOf: (expression) => this.expressions.parameterOf(expression),
      sitesOf: (node) => this.sitesOf(node),
    };
  }

  private sitesOf(node: TS.Node): readonly Site[] {
    const site = this.sites.get(node);
    const steps = this.stepped.get(node);
    if (!site || !steps || site === steps) return site ? [site] : steps ? [steps] : [];
    return [site, steps];
  }

  // -- functions --

  private declare(node: TS.Node, outer: Fn | undefined): void {
    let inner = outer;
    const constructs = ts.isClassLike(node) && !node.members.some((member) => ts.isConstructorDeclaration(member) && member.body);
    if (ts.isSourceFile(node) || hasBody(node) || constructs) {
      const fn: Fn = {
        node,
        name: nameOf(node, outer),
        outer,
        isAsync: ts.isSourceFile(node) || hasModifier(node, ts.SyntaxKind.AsyncKeyword),
        isGenerator: ts.isFunctionLike(node) && (node as TS.FunctionDeclaration).asteriskToken !== undefined,
        parameters: ts.isFunctionLike(node) ? node.parameters : [],
        sites: [],
        callers: [],
      };
      this.fns.set(node, fn);
      inner = fn;
      if (ts.isAccessor(node)) this.accessors.add(node.name.getText());
      // A named function is the value of its declaration; a class, of what `new` runs.
      if (constructs || (hasBody(node) && !ts.isConstructorDeclaration(node))) this.values.flow([fn], this.values.slotOf(node));
      if (ts.isConstructorDeclaration(node)) this.values.flow([fn], this.values.slotOf(node.parent));
    }
    ts.forEachChild(node, (child) => this.declare(child, inner));
  }

  // -- what they call --

  private visit(node: TS.Node, fn: Fn): void {
    const own = this.fns.get(node);
    const inner = own ?? fn;
    // Field initialisers run in the constructor.
    if (ts.isClassLike(node)) this.visitClass(node, fn);
    else ts.forEachChild(node, (child) => this.visit(child, inner));
    this.flow.visit(node, inner);
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) this.call(node, inner);
    else if (ts.isTaggedTemplateExpression(node)) this.link(this.site(node, inner, []), this.expressions.of(node.tag));
    else if (ts.isPropertyAccessExpression(node) && this.accessors.has(node.name.text)) this.accessor(node, inner);
    else if (ts.isAwaitExpression(node)) this.awaits.note(inner, node);
    else if (ts.isForOfStatement(node) && node.awaitModifier) this.awaits.note(inner, node.expression);
    for (const place of iterations(node)) this.implicit(place, inner, '__@iterator', 'the next step of');
    for (const place of releases(node)) this.implicit(place, inner, '__@dispose', 'the disposal of');
  }

  private visitClass(node: TS.ClassLikeDeclaration, around: Fn): void {
    const constructor = node.members.find((member) => ts.isConstructorDeclaration(member) && member.body);
    const construction = this.fns.get(constructor ?? node)!;
    for (const clause of node.heritageClauses ?? []) this.visit(clause, around);
    for (const member of node.members) {
      const initialises = ts.isPropertyDeclaration(member) && !hasModifier(member, ts.SyntaxKind.StaticKeyword);
      this.visit(member, initialises ? construction : around);
    }
    const base = baseOf(node);
    if (!constructor && base) this.link(this.site(base, construction, []), this.expressions.of(base.expression));
  }

  private site(node: TS.Node, fn: Fn, args: readonly TS.Expression[]): Site {
    const site: Site = { fn, node, targets: new Set(), args, afterAwait: false, guarded: false };
    this.sites.set(node, site);
    fn.sites.push(site);
    return site;
  }

  /** The site may run what these sources hold. */
  private link(site: Site, sources: readonly Source[]): void {
    this.values.watch(sources, (target) => {
      if (site.targets.has(target)) return;
      this.flow.pass(site.args, target);
      if (target.isGenerator) {
        // The call makes a generator, which stands for its function in the analysis; its steps run the body.
        this.values.flow([target], this.expressions.resultOf(site.node));
        return;
      }
      site.targets.add(target);
      this.values.flow([this.values.resultOf(target)], this.expressions.resultOf(site.node));
    });
  }

  private accessor(node: TS.PropertyAccessExpression, fn: Fn): void {
    const { parent } = node;
    const written = ts.isBinaryExpression(parent) && parent.left === node && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken;
    const wanted = written ? ts.isSetAccessor : ts.isGetAccessor;
    const declarations = this.expressions.declarationsOf(node.name).filter(wanted);
    if (declarations.length === 0) return;
    const site = this.site(node, fn, []);
    site.how = written ? 'sets' : 'reads';
    this.link(site, declarations.flatMap((one) => this.values.slotOf(one)));
  }

  /** A member that the language calls: a step of an iterator, the end of a `using`. */
  private implicit(expression: TS.Expression, fn: Fn, member: string, how: string): void {
    const inner = bare(expression);
    const type = this.boundOf(this.checker.getTypeAtLocation(inner));
    const collections = ['Array', 'ReadonlyArray', 'Map', 'Set', 'String'];
    const { Object: object, UnionOrIntersection, Any } = ts.TypeFlags;
    if (!(type.flags & (object | UnionOrIntersection | Any)) || collections.includes(type.symbol?.name)) return;
    if (member === '__@iterator') {
      this.steps(this.expressions.of(inner), inner, fn, how);
      if (this.iteratesCall(inner, fn)) return;
    }
    if (type.flags & ts.TypeFlags.Any || ['Generator', 'IterableIterator', 'Iterator'].includes(type.symbol?.name)) return;
    const isMember = ({ name }: TS.Symbol) => name.startsWith(member) || (member === '__@iterator' && name === 'next');
    const found = type.getProperties().filter(isMember);
    const declarations = found.flatMap((property) => property.declarations ?? []);
    const seed = declarations.map((one) => parkingOf(one, this.checker)).find((parking) => parking !== undefined);
    const bodies = declarations.filter((one) => this.fns.has(one));
    if (!seed && bodies.length === 0) return;
    const site = this.sites.get(inner) ?? this.site(inner, fn, []);
    site.how = how;
    if (seed) site.seed = { ...seed, steps: false };
    this.link(site, bodies.map((one) => this.values.slotOf(one)));
    for (const one of bodies) this.steps([this.fns.get(one)!, this.values.resultOf(this.fns.get(one)!)], inner, fn, how);
  }

  /** What a type parameter extends; `this` in a class is one. */
  private boundOf(type: TS.Type): TS.Type {
    if (!(type.flags & ts.TypeFlags.TypeParameter)) return type;
    return checkerOf(type, this.checker).getBaseConstraintOfType(type) ?? type;
  }

  /** Runs the bodies of the generators that a value may be. */
  private steps(sources: readonly Source[], node: TS.Expression, fn: Fn, how: string): void {
    this.values.watch(sources, (generator) => {
      if (!generator.isGenerator || generator.isAsync) return;
      let site = this.stepped.get(node);
      if (!site) {
        // The site of a call that is iterated stays its own.
        const own: Site = { fn, node, targets: new Set(), args: [], afterAwait: false, guarded: false };
        site = this.sites.has(node) ? own : this.site(node, fn, []);
        if (!fn.sites.includes(site)) fn.sites.push(site);
        this.extra.push(site);
        site.how = how;
        this.stepped.set(node, site);
      }
      site.targets.add(generator);
    });
  }

  /** A loop over what a function of the library returns, each step of which parks. */
  private iteratesCall(iterated: TS.Expression, fn: Fn): boolean {
    const made = this.initialiser(iterated);
    if (!ts.isCallExpression(made)) return false;
    const seed = this.expressions.calledBy(made.expression).map((one) => parkingOf(one, this.checker)).find((parking) => parking?.steps);
    if (!seed) return false;
    const existing = this.sites.get(iterated);
    const site = existing ?? this.site(iterated, fn, []);
    site.seed = { ...seed, steps: false };
    site.how = 'the next step of';
    return true;
  }

  /** What a `const` was given, or the expression itself. */
  private initialiser(expression: TS.Expression): TS.Expression {
    if (!ts.isIdentifier(expression)) return expression;
    const [declaration] = this.expressions.declarationsOf(expression);
    return declaration && ts.isVariableDeclaration(declaration) && declaration.initializer ? bare(declaration.initializer) : expression;
  }

  private call(node: TS.CallExpression | TS.NewExpression, fn: Fn): void {
    const args = node.arguments ?? [];
    const site = this.site(node, fn, args);
    const callee = bare(node.expression);
    if (callee.kind === ts.SyntaxKind.SuperKeyword) {
      const base = baseOf(ts.findAncestor(node, ts.isClassLike));
      if (base) this.link(site, this.expressions.of(base.expression));
      return;
    }
    const declarations = this.expressions.calledBy(callee);
    const [declaration] = declarations;
    if (ts.isPropertyAccessExpression(callee)) {
      const { name, expression } = callee;
      if (expression.kind === ts.SyntaxKind.SuperKeyword) {
        // The method of the base class, and none that overrides it.
        this.link(site, declarations.flatMap((one) => this.fns.get(one) ?? []));
        return;
      }
      if ((name.text === 'call' || name.text === 'apply') && declaration?.getSourceFile().isDeclarationFile) {
        this.link(site, this.expressions.of(expression));
        return;
      }
      if (name.text === 'next') this.steps(this.expressions.of(expression), node, fn, 'the next step of');
      if (name.text === 'emit' && args[0]) this.link(site, [this.listenersOf(args[0])]);
    }
    const parameter = this.expressions.parameterOf(callee);
    if (parameter) site.parameter = parameter;
    const libraries = declarations.filter((one) => roomOf(one.getSourceFile()) !== undefined);
    if (libraries.length > 0) this.libraryCall(site, libraries);
    else if (declarations.every((one) => one.getSourceFile().isDeclarationFile)) this.hostCall(site, declarations, callee);
    this.link(site, this.expressions.of(callee));
  }

  private libraryCall(site: Site, declarations: readonly TS.Declaration[]): void {
    const parking = declarations.map((one) => parkingOf(one, this.checker)).find((found) => found !== undefined);
    if (parking && !this.hasOtherwise(site, parking.name)) site.seed = parking;
    const effect = effectOf(libraryName(declarations[0]!));
    if (effect) site.effect = effect;
    const does = effect?.does;
    // A function of the library's own sources is followed, unless it is one of those.
    const followed = !effect && declarations.some((one) => this.fns.has(one));
    if (followed || does === 'keep' || (!effect && ts.isNewExpression(site.node))) return;
    for (const [i, arg] of site.args.entries()) {
      if (!this.expressions.takesFunction(declarations, i)) continue;
      if (does === 'spawn' || does === 'serve') this.start('coroutine', 'a coroutine', site, arg, does === 'serve');
      else if (does === 'main') this.start('main', 'a promise callback', site, arg, true);
      else if (does === 'wrap') this.values.flow(this.expressions.of(arg), this.expressions.resultOf(site.node));
      else this.callback(site, arg);
    }
  }

  /** `select` with a case `otherwise` never waits. */
  private hasOtherwise({ args: [cases] }: Site, name: string): boolean {
    return name === 'select' && cases !== undefined && /\botherwise\b/.test(cases.getText());
  }

  private hostCall(site: Site, declarations: readonly TS.Declaration[], callee: TS.Expression): void {
    const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText();
    const effect = hostEffect(declarations[0], name);
    if (ts.isCallExpression(site.node)) this.expressions.collect(site.node);
    if (effect.does === 'keep') return;
    for (const [i, arg] of site.args.entries()) {
      if (!this.expressions.takesFunction(declarations, i)) continue;
      if (effect.does === 'main') {
        this.start('main', effect.how, site, arg, true);
      } else if (effect.does === 'listen') {
        this.values.flow(this.expressions.of(arg), this.listenersOf(site.args[0]!));
        if (ts.isPropertyAccessExpression(callee) && this.emittedByNode(callee.expression)) this.start('main', effect.how, site, arg, true);
      } else {
        this.callback(site, arg);
      }
    }
  }

  /** Is this an object of Node's that emits events by itself? One of the program's may have its events emitted by coroutines. */
  private emittedByNode(emitter: TS.Expression): boolean {
    const type = this.checker.getTypeAtLocation(emitter);
    const general = ['EventEmitter', 'EventTarget', 'AbortSignal', 'NodeEventTarget', '__type'];
    const { symbol } = type;
    if (!symbol?.declarations || general.includes(symbol.name)) return false;
    return symbol.declarations.some((one) => /\/@types\/node\/|\/lib\.[\w.]+\.d\.ts$/.test(one.getSourceFile().fileName));
  }

  private listenersOf(event: TS.Expression): Slot {
    const name = ts.isStringLiteralLike(event) ? event.text : '';
    let slot = this.emitted.get(name);
    if (!slot) this.emitted.set(name, (slot = new Slot()));
    return slot;
  }

  /** The argument, if it holds functions, is called on the caller's stack. */
  private callback(given: Site, arg: TS.Expression): void {
    const sources = this.expressions.of(ts.isSpreadElement(arg) ? arg.expression : arg);
    if (sources.length === 0) return;
    const parameter = this.expressions.parameterOf(arg);
    const site = this.sites.get(arg) ?? this.site(arg, given.fn, []);
    site.callbackOf = given;
    if (parameter) site.parameter = parameter;
    this.link(site, sources);
  }

  private start(stack: Start['stack'], how: string, { fn, node }: Site, arg: TS.Expression, always: boolean): void {
    const sources = this.expressions.of(arg);
    if (sources.length === 0) return;
    const start: Start = { stack, how, node: arg, fn, targets: new Set(), many: always || isRepeated(node, fn) };
    this.starts.push(start);
    this.values.watch(sources, (target) => { if (!target.isGenerator) start.targets.add(target); });
  }
}

function hasModifier(node: TS.Node, wanted: TS.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === wanted) === true;
}

function baseOf(node: TS.ClassLikeDeclaration | undefined): TS.ExpressionWithTypeArguments | undefined {
  return node?.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
}

/** Is it in a loop, or in a function that is called for elements? */
function isRepeated(node: TS.Node, fn: Fn): boolean {
  for (let up = node; up !== fn.node; up = up.parent) {
    if (ts.isIterationStatement(up, false)) return true;
  }
  return ts.isArrowFunction(fn.node) || ts.isFunctionExpression(fn.node) ? !ts.isVariableDeclaration(fn.node.parent) : false;
}
