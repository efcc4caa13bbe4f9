import type TS from 'typescript';

import type { LibraryEffect, Parking } from './library.js';

/** A function with a body, the body of a module, or the initialisation of a class's objects. */
export interface Fn {
  readonly node: TS.Node;
  readonly name: string;
  /** The function around it. */
  readonly outer: Fn | undefined;
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  readonly parameters: readonly TS.ParameterDeclaration[];
  readonly sites: Site[];
  /** Calls of it that run on the caller's stack. */
  readonly callers: Site[];
}

/** A call, or something else that runs code on the stack of the function that it stands in: a getter, a step of an iterator. */
export interface Site {
  readonly fn: Fn;
  readonly node: TS.Node;
  /** The functions that it may run. */
  readonly targets: Set<Fn>;
  /** It calls a function of the library that parks. */
  seed?: Parking;
  /** It calls a parameter of `fn`, or of a function around that: what it runs depends on the caller. */
  parameter?: TS.ParameterDeclaration;
  readonly args: readonly TS.Expression[];
  /** What the function of the library that is called there does besides: takes a lock, forbids parking, ... */
  effect?: LibraryEffect;
  /** Of a callback: the call that it is given to. */
  callbackOf?: Site;
  /** Behind an `await` of an async function: a promise callback, on the main stack. */
  afterAwait: boolean;
  /** Runs only where `current()` has said that it is in a coroutine. */
  guarded: boolean;
  /** The words for it in traces, if it is no call. */
  how?: string;
}

/** A place where a function is given away to be run on another stack: a coroutine's of its own, or the main stack. */
export interface Start {
  readonly stack: 'coroutine' | 'main';
  /** As in "runs in {how}": `a promise callback`. */
  readonly how: string;
  readonly node: TS.Node;
  readonly fn: Fn;
  readonly targets: Set<Fn>;
  /** Many coroutines may run it at the same time. */
  readonly many: boolean;
}

export interface Graph {
  readonly fns: readonly Fn[];
  readonly starts: readonly Start[];
  readonly fnOf: (node: TS.Node) => Fn | undefined;
  /** The functions that the value of an expression may be. */
  readonly functionsIn: (expression: TS.Expression) => ReadonlySet<Fn>;
  /** The parameter that an expression is, if it is just that. */
  readonly parameterOf: (expression: TS.Expression) => TS.ParameterDeclaration | undefined;
  readonly sitesOf: (node: TS.Node) => readonly Site[];
}
