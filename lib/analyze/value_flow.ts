import type TS from 'typescript';

import type { Expressions } from './expressions.js';
import { bare } from './functions.js';
import type { Fn } from './model.js';
import { ts } from './typescript.js';
import { Slot, type Values } from './values.js';

/** Which values go where: assignments, arguments, results, and members of types that stand for each other. */
export class ValueFlow {
  private readonly converted = new Set<string>();
  private readonly typeIds = new Map<TS.Type, number>();

  constructor(
    private readonly checker: TS.TypeChecker,
    private readonly values: Values,
    private readonly expressions: Expressions,
    private readonly fnOf: (node: TS.Node) => Fn | undefined,
  ) {}

  visit(node: TS.Node, fn: Fn): void {
    if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) {
      this.declaration(node);
    } else if (ts.isBinaryExpression(node)) {
      this.assignment(node);
    } else if (ts.isPropertyAssignment(node)) {
      this.values.flow(this.expressions.of(node.initializer), this.values.slotOf(node));
    } else if (ts.isShorthandPropertyAssignment(node)) {
      const value = this.checker.getShorthandAssignmentValueSymbol(node);
      this.values.flow(this.expressions.slotsOf(this.throughAlias(value)), this.values.slotOf(node));
    } else if (ts.isObjectLiteralExpression(node)) {
      const wanted = this.checker.getContextualType(node);
      if (wanted) this.members(this.checker.getTypeAtLocation(node), wanted);
    } else if (ts.isReturnStatement(node)) {
      this.returned(node.expression, fn);
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      this.returned(node.body, this.fnOf(node)!);
    } else if (ts.isForOfStatement(node) && ts.isVariableDeclarationList(node.initializer)) {
      const [variable] = node.initializer.declarations;
      if (variable) this.bind(variable.name, this.expressions.of(node.expression), variable);
    } else if (ts.isClassLike(node)) {
      this.heritage(node);
    } else if (ts.isExportAssignment(node)) {
      this.values.flow(this.expressions.of(node.expression), this.values.slotOf(node));
    }
  }

  /** Arguments become the parameters of a function that is called. */
  pass(args: readonly TS.Expression[], target: Fn): void {
    for (const [i, arg] of args.entries()) {
      const rest = target.parameters.at(-1);
      const parameter = target.parameters[i] ?? (rest?.dotDotDotToken ? rest : undefined);
      if (!parameter) break;
      this.values.flow(this.expressions.of(ts.isSpreadElement(arg) ? arg.expression : arg), this.values.slotOf(parameter));
      if (parameter.type) this.convert(arg, this.checker.getTypeFromTypeNode(parameter.type));
    }
  }

  private throughAlias(symbol: TS.Symbol | undefined): readonly TS.Declaration[] {
    const real = symbol && symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
    return real?.declarations ?? [];
  }

  private declaration(node: TS.VariableDeclaration | TS.PropertyDeclaration | TS.ParameterDeclaration | TS.BindingElement): void {
    const sources = this.expressions.of(node.initializer);
    this.bind(node.name, sources, node);
    if (node.initializer && 'type' in node && node.type) this.convert(node.initializer, this.checker.getTypeFromTypeNode(node.type));
  }

  private bind(name: TS.BindingName | TS.PropertyName, sources: Parameters<Values['flow']>[0], declaration: TS.Node): void {
    if (ts.isArrayBindingPattern(name)) {
      for (const element of name.elements) {
        if (ts.isBindingElement(element)) this.bind(element.name, sources, element);
      }
      return;
    }
    if (ts.isObjectBindingPattern(name)) {
      const type = this.checker.getTypeAtLocation(name);
      for (const element of name.elements) {
        const property = (element.propertyName ?? element.name).getText();
        const found = type.getProperty(property)?.declarations ?? [];
        this.values.flow(this.expressions.slotsOf(found), this.values.slotOf(element));
      }
      return;
    }
    this.values.flow(sources, this.values.slotOf(declaration));
  }

  private assignment({ left, operatorToken, right }: TS.BinaryExpression): void {
    const assigns = [
      ts.SyntaxKind.EqualsToken, ts.SyntaxKind.BarBarEqualsToken, ts.SyntaxKind.QuestionQuestionEqualsToken,
      ts.SyntaxKind.AmpersandAmpersandEqualsToken,
    ];
    if (!assigns.includes(operatorToken.kind)) return;
    const sources = this.expressions.of(right);
    if (sources.length > 0) {
      for (const slot of this.expressions.of(left)) if (slot instanceof Slot) this.values.flow(sources, slot);
    }
    if (ts.isIdentifier(bare(right)) || ts.isNewExpression(bare(right))) this.convert(right, this.checker.getTypeAtLocation(left));
  }

  private returned(expression: TS.Expression | undefined, fn: Fn): void {
    if (!expression) return;
    this.values.flow(this.expressions.of(expression), this.values.resultOf(fn));
    const { type } = fn.node as TS.FunctionLikeDeclaration;
    if (type) this.convert(expression, this.checker.getTypeFromTypeNode(type));
  }

  /** A value of one type is used as one of another, a type of the program's: members of the one are members of the other. */
  private convert(value: TS.Expression, to: TS.Type): void {
    const inner = bare(value);
    if (ts.isFunctionLike(inner) || ts.isLiteralExpression(inner) || ts.isObjectLiteralExpression(inner)) return;
    if (!isOwn(to)) return;
    this.members(this.checker.getTypeAtLocation(inner), to);
  }

  private members(from: TS.Type, to: TS.Type): void {
    if (to.isUnion()) {
      for (const one of to.types) this.members(from, one);
      return;
    }
    if (from === to || !isOwn(to) || !(from.flags & ts.TypeFlags.Object)) return;
    const key = `${String(this.idOf(from))}>${String(this.idOf(to))}`;
    if (this.converted.has(key)) return;
    this.converted.add(key);
    for (const member of to.getProperties()) {
      const own = from.getProperty(member.name);
      if (own && own !== member) this.link(own.declarations ?? [], member.declarations ?? []);
    }
  }

  private idOf(type: TS.Type): number {
    let id = this.typeIds.get(type);
    if (id === undefined) this.typeIds.set(type, (id = this.typeIds.size));
    return id;
  }

  private link(from: readonly TS.Declaration[], to: readonly TS.Declaration[]): void {
    for (const declaration of to) {
      if (!from.includes(declaration)) this.values.flow(this.expressions.slotsOf(from), this.values.slotOf(declaration));
    }
  }

  /** A member of a class is one of each class and interface that it extends or implements. */
  private heritage(node: TS.ClassLikeDeclaration): void {
    for (const clause of node.heritageClauses ?? []) {
      for (const base of clause.types) {
        const type = this.checker.getTypeAtLocation(base);
        for (const member of node.members) {
          if (!member.name || ts.isComputedPropertyName(member.name)) continue;
          const inherited = type.getProperty(member.name.getText())?.declarations ?? [];
          this.link([member], inherited);
        }
      }
    }
  }
}

/** Is it an object type whose members may be functions of the program? Those of the language and of Node are taken as they are. */
function isOwn(type: TS.Type): boolean {
  if (type.isUnion()) return type.types.some(isOwn);
  const declared = (type.aliasSymbol ?? type.symbol)?.declarations;
  return declared?.some((one) => !/\/lib\.[\w.]+\.d\.ts$|\/@types\/node\//.test(one.getSourceFile().fileName)) ?? false;
}
