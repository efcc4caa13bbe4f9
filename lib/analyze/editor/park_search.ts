import { performance } from 'node:perf_hooks';
import type TS from 'typescript';

import { staleFiles } from '../changes.js';
import { nameOf } from '../functions.js';
import type { Parking } from '../library.js';
import { ts } from '../typescript.js';
import { DirectCalls, type Body, type DirectCall } from './direct_calls.js';

/** Ends a search: when its time is up, or when the editor wants none of it any more. */
export class Deadline {
  private readonly end: number;
  /** Was a search ended? Then what it said is not all. */
  isPast = false;

  constructor(milliseconds: number, private readonly isCancelled: () => boolean = () => false) {
    this.end = performance.now() + milliseconds;
  }

  check(): boolean {
    return (this.isPast ||= performance.now() > this.end || this.isCancelled());
  }
}

/** The way to a call that parks: calls, outermost first. */
export interface Way {
  readonly steps: readonly DirectCall[];
  readonly seed: Parking;
}

/** One call of a function leads to a function of the library that parks, or to another that does. */
interface Step {
  readonly call: DirectCall;
  readonly next?: Body;
}

/** The calls in files, kept from program to program for as long as no file changes that they were resolved by. */
type Known = WeakMap<TS.Node, readonly DirectCall[]>;

/**
 * Which calls may park, asked one by one: each answer reads only the functions that the call leads to, nearest first. Functions that
 * are known to park, or not to, are not searched again.
 */
export class ParkSearch {
  private readonly direct: DirectCalls;
  private readonly steps = new Map<Body, Step | null>();
  private readonly files: Map<TS.SourceFile, Known>;

  constructor(readonly program: TS.Program, before?: ParkSearch) {
    this.direct = new DirectCalls(program.getTypeChecker());
    this.files = before ? kept(before.files, before.program, program) : new Map<TS.SourceFile, Known>();
  }

  get calls(): DirectCalls {
    return this.direct;
  }

  /** The calls in a function; each is resolved once. */
  callsIn(body: Body): readonly DirectCall[] {
    const file = body.getSourceFile();
    let known = this.files.get(file);
    if (!known) this.files.set(file, (known = new WeakMap()));
    let calls = known.get(body);
    if (!calls) known.set(body, (calls = this.direct.in(body)));
    return calls;
  }

  /** How a call may park. Undefined: not, or it has not been found in time. `hard`: only what throws where it cannot park. */
  wayOf(call: DirectCall, deadline: Deadline): Way | undefined {
    if (call.seed) return { steps: [call], seed: call.seed };
    for (const target of call.targets) {
      const way = this.wayIn(target, deadline);
      if (way) return { ...way, steps: [call, ...way.steps] };
    }
    return undefined;
  }

  /** How a function may park, on the stack that it is called on. */
  wayIn(body: Body, deadline: Deadline): Way | undefined {
    if (!this.steps.has(body)) this.search(body, deadline);
    const steps: DirectCall[] = [];
    for (let step = this.steps.get(body); step; step = step.next && this.steps.get(step.next)) {
      steps.push(step.call);
      if (step.call.seed) return { steps, seed: step.call.seed };
    }
    return undefined;
  }

  /** In breadth: what it comes to last before a call that parks is on the shortest way. */
  private search(start: Body, deadline: Deadline): void {
    const from = new Map<Body, { caller: Body; call: DirectCall } | undefined>([[start, undefined]]);
    for (const body of from.keys()) {
      if (deadline.check()) return;
      for (const call of this.callsIn(body)) {
        if (call.afterAwait) continue;
        const parking = call.seed ? undefined : call.targets.find((target) => this.steps.get(target));
        if (call.seed || parking) {
          this.note(body, { call, ...(parking && { next: parking }) }, from);
          return;
        }
        for (const target of call.targets) {
          if (!from.has(target) && this.steps.get(target) === undefined) from.set(target, { caller: body, call });
        }
      }
    }
    // Nothing that it leads to parks.
    for (const body of from.keys()) this.steps.set(body, null);
  }

  private note(body: Body, step: Step, from: ReadonlyMap<Body, { caller: Body; call: DirectCall } | undefined>): void {
    this.steps.set(body, step);
    for (let next = body, way = from.get(body); way; way = from.get(next)) {
      this.steps.set(way.caller, { call: way.call, next });
      next = way.caller;
    }
  }
}

/** The files whose calls are resolved as before. */
function kept(files: ReadonlyMap<TS.SourceFile, Known>, before: TS.Program, now: TS.Program): Map<TS.SourceFile, Known> {
  const stale = staleFiles(before, now);
  return new Map(stale && [...files].filter(([file]) => now.getSourceFile(file.fileName) === file && !stale.has(file)));
}

/** The way in words: `load calls sleep (b.ts:3)`. */
export function wordsOf({ steps, seed }: Way, placeOf: (node: TS.Node) => string): string {
  const around = (node: TS.Node) => ts.findAncestor(node, (one) => ts.isFunctionLike(one)) ?? node.getSourceFile();
  const names = steps.slice(1).map(({ node }) => nameOf(around(node), undefined));
  return `${[...names, seed.name].join(' → ')} (${placeOf(steps.at(-1)!.node)})`;
}
