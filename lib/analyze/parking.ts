import type TS from 'typescript';

import type { TraceStep } from './finding.js';
import type { Parking } from './library.js';
import type { Fn, Graph, Site } from './model.js';
import type { Loaded } from './program.js';

/** Why a function may park: at `site`, because of the library's function `seed`, or of `next`, which is run there. */
export interface Reason {
  readonly site: Site;
  readonly seed?: Parking | undefined;
  /** What is run there, outermost first: a function, and the callback that this calls. */
  readonly next: readonly Fn[];
}

interface Summary {
  reason: Reason | undefined;
  /** Parameters, of the function or of one around it, that it calls: whether that parks is up to its callers. */
  parameters: Set<TS.ParameterDeclaration>;
}

export interface ParkingOptions {
  /** Only what throws where it cannot park. */
  hard: boolean;
}

/**
 * Which functions may park, on the stack that they are called on. A function that calls its parameter is told apart by its callers: what
 * `retry(() => 1)` runs does not park because another call of `retry` is given a function that does.
 */
export class ParkingAnalysis {
  private readonly summaries = new Map<Fn, Summary>();

  constructor(
    private readonly graph: Graph,
    private readonly options: ParkingOptions = { hard: false },
  ) {
    for (const fn of graph.fns) this.summaries.set(fn, { reason: undefined, parameters: new Set() });
    this.solve();
  }

  reasonOf(fn: Fn): Reason | undefined {
    return this.summaries.get(fn)?.reason;
  }

  /** Why a call may park; undefined: it does not, as far as this site goes. */
  reasonAt(site: Site): Reason | undefined {
    if (site.seed && this.counts(site.seed)) return { site, seed: site.seed, next: [] };
    if (site.parameter && this.belongs(site.parameter, site.fn)) return undefined;
    for (const target of site.targets) {
      const summary = this.summaries.get(target)!;
      if (summary.reason) return { site, next: [target] };
      for (const parameter of summary.parameters) {
        const reason = this.throughParameter(site, target, parameter);
        if (reason) return reason;
      }
    }
    return undefined;
  }

  /** May a call park when its parameters are what any caller gives? */
  mayPark(site: Site): boolean {
    return this.reasonAt(site) !== undefined || (site.parameter !== undefined && [...site.targets].some((fn) => this.reasonOf(fn)));
  }

  private counts(seed: Parking): boolean {
    return !seed.steps && (!this.options.hard || seed.certainty === 'always');
  }

  /** Is it a parameter of the function, or of one around it? */
  private belongs(parameter: TS.ParameterDeclaration, fn: Fn | undefined): boolean {
    for (let one = fn; one; one = one.outer) if (one.node === parameter.parent) return true;
    return false;
  }

  private throughParameter(site: Site, target: Fn, parameter: TS.ParameterDeclaration): Reason | undefined {
    if (parameter.parent !== target.node) {
      // Of a function around the target: its callers decide, unless the target is called from elsewhere.
      if (this.belongs(parameter, site.fn)) return undefined;
      for (const fn of this.graph.functionsIn(parameter.name as TS.Identifier)) {
        if (this.reasonOf(fn)) return { site, next: [target, fn] };
      }
      return undefined;
    }
    const arg = site.args[target.parameters.indexOf(parameter)] ?? parameter.initializer;
    if (!arg) return undefined;
    const given = this.graph.parameterOf(arg);
    if (given && this.belongs(given, site.fn)) return undefined;
    for (const fn of this.graph.functionsIn(arg)) {
      const summary = this.summaries.get(fn)!;
      if (summary.reason) return { site, next: [target, fn] };
    }
    return undefined;
  }

  private solve(): void {
    const pending = new Set(this.graph.fns);
    for (const fn of pending) {
      pending.delete(fn);
      if (!this.update(fn)) continue;
      for (const site of fn.callers) pending.add(site.fn);
      for (const caller of this.givers.get(fn) ?? []) pending.add(caller);
    }
  }

  /** Function → functions whose calls give it away as an argument. */
  private readonly givers = new Map<Fn, Set<Fn>>();

  private update(fn: Fn): boolean {
    const summary = this.summaries.get(fn)!;
    const before = summary.parameters.size;
    const had = summary.reason !== undefined;
    for (const site of fn.sites) {
      // Behind an `await` it is not the caller's stack.
      if (site.afterAwait || (this.options.hard && site.guarded)) continue;
      this.collectParameters(site, summary);
      if (!summary.reason) summary.reason = this.reasonAt(site);
    }
    return summary.parameters.size > before || (summary.reason !== undefined) !== had;
  }

  private collectParameters(site: Site, summary: Summary): void {
    if (site.parameter && this.belongs(site.parameter, site.fn)) {
      summary.parameters.add(site.parameter);
      return;
    }
    for (const target of site.targets) {
      for (const parameter of this.summaries.get(target)!.parameters) {
        if (parameter.parent !== target.node) {
          if (this.belongs(parameter, site.fn)) summary.parameters.add(parameter);
          continue;
        }
        const arg = site.args[target.parameters.indexOf(parameter)];
        if (arg) this.throughArgument(arg, site, summary);
      }
    }
  }

  /** What a function calls through its parameter is given here: another parameter is called, then, or a closure's parameters are. */
  private throughArgument(arg: TS.Expression, site: Site, summary: Summary): void {
    for (const fn of this.graph.functionsIn(arg)) {
      let givers = this.givers.get(fn);
      if (!givers) this.givers.set(fn, (givers = new Set()));
      givers.add(site.fn);
      for (const inner of this.summaries.get(fn)!.parameters) {
        if (inner.parent !== fn.node && this.belongs(inner, site.fn)) summary.parameters.add(inner);
      }
    }
    const parameter = this.graph.parameterOf(arg);
    if (parameter && this.belongs(parameter, site.fn)) summary.parameters.add(parameter);
  }
}

/** The name of what a site calls, as the source has it. */
export function calledText(site: Site): string {
  const { node } = site;
  const callee = (node as Partial<TS.CallExpression>).expression ?? node;
  const text = callee.getText().replace(/\s+/g, ' ');
  return text.length <= 50 ? text : `${text.slice(0, 20)}…${text.slice(-28)}`;
}

/** The calls that lead from a reason to the call that parks. */
export function traceOf(first: Reason, analysis: ParkingAnalysis, { placeOf }: Loaded): TraceStep[] {
  const steps: TraceStep[] = [];
  const seen = new Set<Fn>();
  for (let reason: Reason | undefined = first; reason; ) {
    const { site, seed, next }: Reason = reason;
    const how = site.how ?? 'calls';
    if (seed) {
      steps.push({ ...placeOf(site.node), text: `${site.fn.name} ${how} ${calledText(site)}, which parks${seed.certainty === 'only' ? ' in some cases' : ''}` });
      return steps;
    }
    const through = next.map(({ name }) => name).join(', which calls ');
    steps.push({ ...placeOf(site.node), text: `${site.fn.name} ${how} ${through}` });
    const last: Fn = next.at(-1)!;
    if (seen.has(last)) return steps;
    seen.add(last);
    reason = analysis.reasonOf(last);
  }
  return steps;
}

/** The name of the library's function at the end of a trace. */
export function parkedBy(first: Reason, analysis: ParkingAnalysis): Parking | undefined {
  const seen = new Set<Fn>();
  for (let reason: Reason | undefined = first; reason; reason = analysis.reasonOf(reason.next.at(-1)!)) {
    if (reason.seed) return reason.seed;
    const last = reason.next.at(-1)!;
    if (seen.has(last)) return undefined;
    seen.add(last);
  }
  return undefined;
}
