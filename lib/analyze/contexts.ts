import type { Fn, Graph, Start } from './model.js';

/** On how many stacks a function may run. */
export interface Context {
  /** Reachable from a function that runs in a coroutine. */
  inCoroutine: boolean;
  /** Several coroutines may run it at the same time: from several starts, or from one that is repeated. */
  shared: boolean;
  start: Start | undefined;
}

/** Which coroutines run which functions. */
export function contextsOf(graph: Graph): ReadonlyMap<Fn, Context> {
  const contexts = new Map<Fn, Context>();
  const pending: Fn[] = [];
  const reach = (fn: Fn, start: Start, shared: boolean): void => {
    const before = contexts.get(fn);
    if (!before) {
      contexts.set(fn, { inCoroutine: true, shared, start });
    } else if (!before.shared && (shared || before.start !== start)) {
      before.shared = true;
    } else {
      return;
    }
    pending.push(fn);
  };
  for (const start of graph.starts) {
    if (start.stack === 'coroutine') for (const fn of start.targets) reach(fn, start, start.many);
  }
  for (let fn = pending.pop(); fn; fn = pending.pop()) {
    const { start, shared } = contexts.get(fn)!;
    for (const site of fn.sites) for (const target of site.targets) reach(target, start!, shared);
  }
  return contexts;
}
