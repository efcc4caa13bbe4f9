import type TS from 'typescript';

import type { Context } from './contexts.js';
import { bare } from './functions.js';
import type { Fn, Graph } from './model.js';
import type { Loaded } from './program.js';
import { checkerOf, ts } from './typescript.js';

/** A variable, a field of an object, or a collection, that code reads and writes. */
export interface Location {
  /** The same for each access of the same place. */
  readonly key: string;
  readonly text: string;
}

/** Without WeakMap and WeakSet: their keys are objects, which mostly belong to one coroutine, such as a request. */
const COLLECTIONS = new Set(['Map', 'Set', 'Array']);

/** Which state several coroutines see. */
export class SharedState {
  private readonly types = new Set<TS.Node>();
  private readonly ids = new Map<TS.Node, number>();
  /** Functions that many coroutines run at once, and those that one runs. */
  private readonly many = new Set<Fn>();
  private readonly single = new Set<Fn>();

  constructor(
    private readonly loaded: Loaded,
    private readonly graph: Graph,
    private readonly contexts: ReadonlyMap<Fn, Context>,
  ) {
    for (const start of graph.starts) {
      if (start.stack !== 'coroutine') continue;
      for (const fn of start.targets) (start.many || this.single.has(fn) ? this.many : this.single).add(fn);
    }
    for (const file of loaded.files) this.moduleState(file);
    for (const fn of this.many) this.capturedState(fn);
  }

  /** May several coroutines run this function at the same time? Of functions that nothing in the program starts, it is assumed. */
  isConcurrent(fn: Fn): boolean {
    return this.contexts.get(fn)?.shared ?? true;
  }

  /** The place that an expression reads or writes, if other coroutines see it. */
  locationOf(expression: TS.Expression, fn: Fn): Location | undefined {
    const inner = bare(expression);
    if (ts.isIdentifier(inner)) {
      const declaration = this.variable(inner);
      return declaration && this.isSharedVariable(declaration, fn) ? { key: this.idOf(declaration), text: inner.text } : undefined;
    }
    if (ts.isElementAccessExpression(inner)) return this.locationOf(inner.expression, fn);
    if (!ts.isPropertyAccessExpression(inner)) return undefined;
    const property = this.loaded.checker.getSymbolAtLocation(inner.name);
    const declaration = property?.declarations?.[0];
    const { Method, Accessor, Function } = ts.SymbolFlags;
    if (!declaration || !property || property.flags & (Method | Accessor | Function)) return undefined;
    if (declaration.getSourceFile().isDeclarationFile || !this.isSharedObject(inner.expression, fn)) return undefined;
    return { key: `${this.idOf(declaration)} of ${inner.expression.getText()}`, text: inner.getText() };
  }

  /** Is the expression a Map, a Set or an array? */
  isCollection(expression: TS.Expression): boolean {
    const type = this.loaded.checker.getTypeAtLocation(expression);
    return COLLECTIONS.has(type.symbol?.name) || this.loaded.checker.isTupleType(type);
  }

  variable(identifier: TS.Identifier): TS.VariableDeclaration | undefined {
    let symbol = this.loaded.checker.getSymbolAtLocation(identifier);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.loaded.checker.getAliasedSymbol(symbol);
    const declaration = symbol?.valueDeclaration;
    return declaration && ts.isVariableDeclaration(declaration) ? declaration : undefined;
  }

  private idOf(node: TS.Node): string {
    let id = this.ids.get(node);
    if (id === undefined) this.ids.set(node, (id = this.ids.size));
    return String(id);
  }

  /** The function that a node stands in. */
  private functionOf(node: TS.Node): Fn | undefined {
    for (let up = node.parent; ; up = up.parent) {
      const fn = this.graph.fnOf(up);
      if (fn || ts.isSourceFile(up)) return fn;
    }
  }

  private isSharedVariable(declaration: TS.VariableDeclaration, fn: Fn): boolean {
    if (declaration.getSourceFile().isDeclarationFile) return false;
    const owner = this.functionOf(declaration);
    if (!owner) return false;
    const crossed: Fn[] = [];
    for (let one: Fn | undefined = fn; one && one !== owner; one = one.outer) crossed.push(one);
    if (ts.isSourceFile(owner.node)) return crossed.length > 0;
    if (crossed.some((one) => this.many.has(one))) return true;
    const root = crossed.find((one) => this.single.has(one));
    return root !== undefined && this.isWrittenElsewhere(declaration, owner, root);
  }

  /** Does another coroutine, started in the same function, write the variable? */
  private isWrittenElsewhere(declaration: TS.VariableDeclaration, owner: Fn, root: Fn): boolean {
    const name = declaration.name.getText();
    const others = [...this.single].filter((fn) => fn !== root && this.isInside(fn, owner));
    return others.some(({ node }) => new RegExp(`(?<![\\w.$])${name.replaceAll('$', '\\$')}\\s*(?:[-+*/|&?%]*=[^=>]|\\+\\+|--)`).test(node.getText()));
  }

  private isInside(fn: Fn, owner: Fn): boolean {
    for (let one = fn.outer; one; one = one.outer) if (one === owner) return true;
    return false;
  }

  private isSharedObject(object: TS.Expression, fn: Fn): boolean {
    const inner = bare(object);
    if (ts.isIdentifier(inner)) {
      const declaration = this.variable(inner);
      if (declaration && this.isSharedVariable(declaration, fn)) return true;
      // An object that was made here is nobody else's yet.
      if (declaration?.initializer && ts.isNewExpression(bare(declaration.initializer))) return false;
    } else if (ts.isPropertyAccessExpression(inner)) {
      return this.isSharedObject(inner.expression, fn);
    } else if (inner.kind !== ts.SyntaxKind.ThisKeyword) {
      return false;
    } else if (ts.isConstructorDeclaration(fn.node) || ts.isClassLike(fn.node)) {
      return false;
    }
    const { symbol } = this.loaded.checker.getTypeAtLocation(inner);
    const declared = (symbol as TS.Symbol | undefined)?.declarations?.[0];
    return declared !== undefined && this.types.has(declared);
  }

  /** The types of what a module keeps in its variables. */
  private moduleState(file: TS.SourceFile): void {
    for (const statement of file.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const declaration of statement.declarationList.declarations) {
        if (declaration.initializer && ts.isFunctionLike(bare(declaration.initializer))) continue;
        this.addType(this.loaded.checker.getTypeAtLocation(declaration), 3);
      }
    }
  }

  /** The types of what a function that many coroutines run takes from around it. */
  private capturedState(fn: Fn): void {
    const { checker } = this.loaded;
    const visit = (node: TS.Node): void => {
      if (node.kind === ts.SyntaxKind.ThisKeyword && ts.isArrowFunction(fn.node)) this.addType(checker.getTypeAtLocation(node), 3);
      if (ts.isIdentifier(node) && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node)) {
        const declaration = checker.getSymbolAtLocation(node)?.valueDeclaration;
        const isVariable = declaration && (ts.isVariableDeclaration(declaration) || ts.isParameter(declaration));
        const outside = isVariable && (declaration.pos < fn.node.pos || declaration.end > fn.node.end);
        if (outside && declaration.getSourceFile() === fn.node.getSourceFile()) this.addType(checker.getTypeAtLocation(node), 3);
      }
      ts.forEachChild(node, visit);
    };
    visit(fn.node);
  }

  private addType(type: TS.Type, depth: number): void {
    if (depth === 0) return;
    if (type.isUnionOrIntersection()) {
      for (const one of type.types) this.addType(one, depth);
      return;
    }
    const checker = checkerOf(type, this.loaded.checker);
    for (const argument of checker.getTypeArguments(type as TS.TypeReference) ?? []) this.addType(argument, depth - 1);
    const { symbol } = type;
    const hasFields = (one: TS.Node) =>
      ts.isClassLike(one) || ts.isInterfaceDeclaration(one) || ts.isObjectLiteralExpression(one) || ts.isTypeLiteralNode(one);
    const own = symbol?.declarations?.some((one) => hasFields(one) && !one.getSourceFile().isDeclarationFile);
    const [declared] = symbol?.declarations ?? [];
    if (!own || !declared || this.types.has(declared)) return;
    this.types.add(declared);
    for (const property of type.getProperties()) {
      const declaration = property.valueDeclaration;
      if (!declaration || ts.isMethodDeclaration(declaration)) continue;
      this.addType(checker.getTypeOfSymbolAtLocation(property, declaration), depth - 1);
    }
  }
}
