import type TS from 'typescript';

import { Expressions } from '../expressions.js';
import { Awaits, bare, hasBody, isGuarded, nameOf } from '../functions.js';
import { hostEffect } from '../host_functions.js';
import { effectOf, libraryName, parkingOf, roomOf, type Parking } from '../library.js';
import type { Fn } from '../model.js';
import { ts } from '../typescript.js';
import { Values } from '../values.js';

/** What becomes of a function that is given to a call: `main` runs it on the main stack, `inline` on the caller's, if at all. */
export type Fate = { readonly does: 'main'; readonly how: string } | { readonly does: 'inline' | 'atomic' | 'away' };

/** A call as the types of its file resolve it: what it runs on the stack of the function that it stands in. */
export interface DirectCall {
  readonly node: TS.CallLikeExpression;
  /** It calls a function of the library that parks. */
  readonly seed?: Parking;
  /** Functions with bodies: the one that is called, and those that it is given and runs. */
  readonly targets: readonly TS.FunctionLikeDeclaration[];
  /** Behind an `await`. */
  readonly afterAwait: boolean;
  /** Runs only where `current()` has said that it is in a coroutine. */
  readonly guarded: boolean;
}

/** A function with a body, or the body of a module. */
export type Body = TS.FunctionLikeDeclaration | TS.SourceFile;

/**
 * Calls, each resolved by itself: by the symbol that it names, without the whole program's values. That is what an editor has time
 * for: it misses functions in variables and fields, and classes that override what the type names.
 */
export class DirectCalls {
  private readonly expressions: Expressions;

  constructor(private readonly checker: TS.TypeChecker) {
    this.expressions = new Expressions(checker, new Values(), () => undefined);
  }

  /** The calls that stand in a function, without those of functions in it. */
  in(body: Body): DirectCall[] {
    const calls: TS.CallLikeExpression[] = [];
    const awaits = new Awaits();
    const name = nameOf(body, undefined);
    const fn: Fn = { node: body, name, outer: undefined, isAsync: true, isGenerator: false, parameters: [], sites: [], callers: [] };
    const visit = (node: TS.Node): void => {
      if (node !== body && hasBody(node)) return;
      ts.forEachChild(node, visit);
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) calls.push(node);
      else if (ts.isAwaitExpression(node)) awaits.note(fn, node);
      else if (ts.isForOfStatement(node) && node.awaitModifier) awaits.note(fn, node.expression);
    };
    visit(body);
    return calls.map((node) => ({
      node, ...this.resolve(node as TS.CallExpression), afterAwait: awaits.precede(fn, node), guarded: isGuarded(node, fn),
    }));
  }

  /** What becomes of the argument with this index. */
  fateOf(call: TS.CallExpression | TS.NewExpression, index: number): Fate {
    const declarations = this.expressions.calledBy(call.expression);
    const [declaration] = declarations;
    if (!this.expressions.takesFunction(declarations, index)) return { does: 'away' };
    if (declaration && roomOf(declaration.getSourceFile()) !== undefined) {
      const does = effectOf(libraryName(declaration))?.does;
      if (does === 'main') return { does, how: 'a promise callback' };
      return { does: does === 'atomic' ? does : does === 'inline' || does === 'limit' || does === 'with-lock' ? 'inline' : 'away' };
    }
    if (declaration && !declaration.getSourceFile().isDeclarationFile) {
      const own = bodyOf(declaration);
      const parameter = own?.parameters[index];
      return { does: parameter && own?.body && calls(own.body, parameter) ? 'inline' : 'away' };
    }
    const callee = bare(call.expression);
    const effect = hostEffect(declaration, ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText());
    return effect.does === 'main' ? effect : { does: effect.does === 'inline' ? 'inline' : 'away' };
  }

  /** The functions with bodies that an expression names, or is. */
  functionsOf(expression: TS.Expression): TS.FunctionLikeDeclaration[] {
    const inner = bare(expression);
    if (hasBody(inner)) return [inner];
    return this.expressions.calledBy(inner).flatMap((one) => bodyOf(one) ?? []);
  }

  private resolve(call: TS.CallExpression | TS.NewExpression): { seed?: Parking; targets: TS.FunctionLikeDeclaration[] } {
    const declarations = this.expressions.calledBy(call.expression);
    const seed = declarations.map((one) => parkingOf(one, this.checker)).find((found) => found !== undefined);
    const never = seed?.name === 'select' && /\botherwise\b/.test(call.arguments?.[0]?.getText() ?? '');
    const targets = seed ? [] : declarations.flatMap((one) => bodyOf(one) ?? []);
    for (const [i, arg] of (call.arguments ?? []).entries()) {
      const inner = bare(arg);
      if (!ts.isFunctionLike(inner) && !ts.isIdentifier(inner) && !ts.isPropertyAccessExpression(inner)) continue;
      if (this.fateOf(call, i).does === 'inline') targets.push(...this.functionsOf(arg));
    }
    return { ...(seed && !seed.steps && !never && { seed }), targets: targets.filter((one) => one.asteriskToken === undefined) };
  }
}

/** The function that a declaration names, if it has a body: itself, what a `const` holds, a class's constructor. */
function bodyOf(declaration: TS.Declaration): TS.FunctionLikeDeclaration | undefined {
  if (hasBody(declaration)) return declaration;
  if (ts.isClassLike(declaration)) return declaration.members.filter(ts.isConstructorDeclaration).find((member) => hasBody(member));
  const holds = ts.isVariableDeclaration(declaration) || ts.isPropertyAssignment(declaration) || ts.isPropertyDeclaration(declaration);
  const value = holds && declaration.initializer ? bare(declaration.initializer) : undefined;
  return value && hasBody(value) ? value : undefined;
}

/** Does a body call this parameter itself? */
function calls(body: TS.Node, { name }: TS.ParameterDeclaration): boolean {
  if (!ts.isIdentifier(name)) return false;
  const visit = (node: TS.Node): boolean => {
    if (node !== body && hasBody(node)) return false;
    if (ts.isCallExpression(node)) {
      const callee = bare(node.expression);
      if (ts.isIdentifier(callee) && callee.text === name.text) return true;
    }
    return ts.forEachChild(node, (child) => visit(child) || undefined) ?? false;
  };
  return visit(body);
}
