import type TS from 'typescript';

import { bare, hasBody } from './functions.js';
import { roomOf } from './library.js';
import type { Fn } from './model.js';
import { checkerOf, ts } from './typescript.js';
import { Slot, type Source, type Values } from './values.js';

/** Methods of collections that give what has been put into them. */
const TAKES = new Set([
  'get', 'at', 'pop', 'shift', 'values', 'find', 'findLast', 'filter', 'slice', 'concat', 'reverse', 'toReversed', 'sort',
  'toSorted', 'entries', 'flat',
]);
/** Methods of collections that put something in. */
const PUTS = new Set(['push', 'unshift', 'set', 'add', 'splice', 'fill', 'with']);
/** Methods of arrays and their like whose callbacks are given elements, and as which argument. */
const ELEMENT: Readonly<Record<string, number>> = {
  forEach: 0, map: 0, filter: 0, some: 0, every: 0, find: 0, findIndex: 0, findLast: 0, flatMap: 0, reduce: 1, reduceRight: 1,
};

/** What expressions may be, as far as functions go. */
export class Expressions {
  private readonly results = new Map<TS.Node, Slot>();

  constructor(
    private readonly checker: TS.TypeChecker,
    private readonly values: Values,
    private readonly fnOf: (node: TS.Node) => Fn | undefined,
  ) {}

  /** The declarations of what an expression names, through imports. */
  declarationsOf(node: TS.Node): readonly TS.Declaration[] {
    let symbol = this.checker.getSymbolAtLocation(node);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.checker.getAliasedSymbol(symbol);
    return symbol?.declarations ?? [];
  }

  /** The declarations of what is called, without its type's. */
  calledBy(callee: TS.Expression): readonly TS.Declaration[] {
    // A type may have the same name.
    const declarations = this.namedBy(callee).filter((one) => !ts.isInterfaceDeclaration(one) && !ts.isTypeAliasDeclaration(one));
    const [first] = declarations;
    const isVariable = first && (
      ts.isPropertySignature(first) || ts.isPropertyDeclaration(first) || ts.isVariableDeclaration(first) || ts.isBindingElement(first) ||
      // JavaScript: `exports.pause = sleep`.
      ts.isPropertyAccessExpression(first) || ts.isBinaryExpression(first)
    );
    const { initializer } = (first ?? {}) as { initializer?: TS.Expression };
    if (!isVariable || (initializer && ts.isFunctionLike(initializer))) return declarations;
    // One of the library's functions by another name: `over('workers').join`, `const { sleep } = await import('stackful')`.
    const signatures = this.checker.getTypeAtLocation(bare(callee)).getCallSignatures();
    const functions = signatures.flatMap(({ declaration }) => (declaration && !ts.isJSDocSignature(declaration) ? declaration : []));
    return functions.length > 0 && functions.every((one) => roomOf(one.getSourceFile()) !== undefined) ? functions : declarations;
  }

  private namedBy(callee: TS.Expression): readonly TS.Declaration[] {
    const inner = bare(callee);
    if (ts.isIdentifier(inner)) return this.declarationsOf(inner);
    if (ts.isPropertyAccessExpression(inner)) return this.declarationsOf(inner.name);
    const key = ts.isElementAccessExpression(inner) ? inner.argumentExpression : undefined;
    return key && ts.isStringLiteralLike(key) ? this.declarationsOf(key) : [];
  }

  /** The slot of the result of a call in the program. */
  resultOf(call: TS.Node): Slot {
    let slot = this.results.get(call);
    if (!slot) this.results.set(call, (slot = new Slot()));
    return slot;
  }

  of(expression: TS.Expression | undefined): Source[] {
    if (!expression) return [];
    const inner = bare(expression);
    const fn = this.fnOf(inner);
    if (fn && (ts.isFunctionExpression(inner) || ts.isArrowFunction(inner))) return [fn];
    if (ts.isIdentifier(inner)) return this.slotsOf(this.declarationsOf(inner));
    if (ts.isPropertyAccessExpression(inner)) return this.slotsOf(this.declarationsOf(inner.name));
    if (ts.isElementAccessExpression(inner)) {
      const named = ts.isStringLiteralLike(inner.argumentExpression) ? this.declarationsOf(inner.argumentExpression) : [];
      return named.length > 0 ? this.slotsOf(named) : this.of(inner.expression);
    }
    if (ts.isConditionalExpression(inner)) return [...this.of(inner.whenTrue), ...this.of(inner.whenFalse)];
    if (ts.isBinaryExpression(inner)) return this.ofBinary(inner);
    if (ts.isAwaitExpression(inner)) return this.of(inner.expression);
    if (ts.isArrayLiteralExpression(inner)) {
      return inner.elements.flatMap((element) => this.of(ts.isSpreadElement(element) ? element.expression : element));
    }
    if (ts.isObjectLiteralExpression(inner)) return this.ofObject(inner);
    if (ts.isCallExpression(inner)) return this.ofCall(inner);
    return [];
  }

  private ofBinary({ left, operatorToken, right }: TS.BinaryExpression): Source[] {
    const { kind } = operatorToken;
    if (kind === ts.SyntaxKind.CommaToken || kind === ts.SyntaxKind.EqualsToken) return this.of(right);
    const choice = [ts.SyntaxKind.BarBarToken, ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.QuestionQuestionToken];
    return choice.includes(kind) ? [...this.of(left), ...this.of(right)] : [];
  }

  /** The functions among an object's properties: what an access by a computed name may find. */
  private ofObject(object: TS.ObjectLiteralExpression): Source[] {
    return object.properties.flatMap((property) => {
      if (ts.isPropertyAssignment(property)) {
        const value = bare(property.initializer);
        return ts.isObjectLiteralExpression(value) || ts.isCallExpression(value) ? [] : this.of(value);
      }
      const fn = this.fnOf(property);
      return fn ? [fn] : [];
    });
  }

  private ofCall(call: TS.CallExpression): Source[] {
    const sources: Source[] = [this.resultOf(call)];
    const callee = bare(call.expression);
    if (ts.isPropertyAccessExpression(callee) && (callee.name.text === 'bind' || TAKES.has(callee.name.text))) {
      sources.push(...this.of(callee.expression));
    }
    return sources;
  }

  /** What the language and Node declare has no slots: it would mix all that programs give to it. */
  slotsOf(declarations: readonly TS.Declaration[]): Source[] {
    return declarations.filter((one) => !isHosts(one)).map((declaration) => this.values.slotOf(declaration));
  }

  /** What a call of a function outside the program does to collections: puts in, and gives elements to callbacks. */
  collect(call: TS.CallExpression): void {
    const callee = bare(call.expression);
    if (!ts.isPropertyAccessExpression(callee)) return;
    const name = callee.name.text;
    if (PUTS.has(name)) {
      const into = this.of(callee.expression);
      for (const slot of into) {
        if (!(slot instanceof Slot)) continue;
        for (const arg of call.arguments) this.values.flow(this.of(ts.isSpreadElement(arg) ? arg.expression : arg), slot);
      }
    }
    const index = Object.hasOwn(ELEMENT, name) ? ELEMENT[name]! : -1;
    if (index < 0 || !call.arguments[0]) return;
    const elements = this.of(callee.expression);
    this.values.watch(this.of(call.arguments[0]), (fn) => {
      const parameter = fn.parameters[index];
      if (parameter) this.values.flow(elements, this.values.slotOf(parameter));
      this.values.flow([this.values.resultOf(fn)], this.resultOf(call));
    });
  }

  /** May these declarations of a function call their argument with this index? It is one that takes functions, by its type. */
  takesFunction(declarations: readonly TS.Declaration[], index: number): boolean {
    const signatures = declarations.flatMap((one) => this.signaturesOf(one));
    // Of something without a type nothing is known.
    return signatures.length === 0 || signatures.some((signature) => {
      const { parameters } = signature;
      const last = parameters.at(-1);
      const parameter = parameters[index] ?? last;
      const { valueDeclaration } = parameter ?? {};
      if (!parameter || !valueDeclaration) return false;
      return this.isCallable(checkerOf(signature, this.checker).getTypeOfSymbolAtLocation(parameter, valueDeclaration));
    });
  }

  private signaturesOf(declaration: TS.Declaration): readonly TS.Signature[] {
    if (ts.isFunctionLike(declaration)) return [this.checker.getSignatureFromDeclaration(declaration)].filter((one) => one !== undefined);
    if (ts.isSourceFile(declaration)) return [];
    const type = this.checker.getTypeAtLocation(declaration);
    return [...type.getCallSignatures(), ...type.getConstructSignatures()];
  }

  private isCallable(type: TS.Type): boolean {
    if (type.isUnionOrIntersection()) return type.types.some((one) => this.isCallable(one));
    if (type.flags & ts.TypeFlags.TypeParameter) {
      const bound = checkerOf(type, this.checker).getBaseConstraintOfType(type);
      return bound !== undefined && bound !== type && this.isCallable(bound);
    }
    if (type.symbol?.name === 'Function') return true;
    const [element] = type.symbol?.name === 'Array' ? checkerOf(type, this.checker).getTypeArguments(type as TS.TypeReference) : [];
    return type.getCallSignatures().length > 0 || (element !== undefined && this.isCallable(element));
  }

  /** A parameter of a function, if the expression is just that and its value cannot be another. */
  parameterOf(expression: TS.Expression): TS.ParameterDeclaration | undefined {
    const inner = bare(expression);
    if (!ts.isIdentifier(inner)) return undefined;
    const [declaration, another] = this.declarationsOf(inner);
    if (!declaration || another || !ts.isParameter(declaration) || declaration.dotDotDotToken) return undefined;
    return hasBody(declaration.parent) ? declaration : undefined;
  }
}

function isHosts(declaration: TS.Declaration): boolean {
  const file = declaration.getSourceFile();
  return file.isDeclarationFile && /\/lib\.[\w.]+\.d\.ts$|\/@types\/node\//.test(file.fileName);
}
