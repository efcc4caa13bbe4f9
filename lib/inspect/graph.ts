import type { Coroutine } from '../coroutine/coroutine.js';
import { nameOf } from '../internal/names.js';
import { describeWaitable } from '../internal/waiting.js';
import { findDeadlocks } from '../observe/deadlock.js';
import { visibleCoroutines } from '../observe/dump.js';

/** Which coroutine waits for which. */
export interface BlockingGraph {
  /** `from` cannot go on before `to` acts; both are ids of coroutines. */
  edges: { from: number; to: number; over: string }[];
  /** The names of the coroutines in `edges`, by id. */
  names: Record<number, string>;
  /** Cycles of coroutines that wait for each other, as text. */
  deadlocks: string[];
  /** Whether edges were left out: there are more than 10,000. */
  truncated: boolean;
}

const MOST_EDGES = 10_000;

/**
 * The coroutines that are parked on locks and joins, and those that hold what they wait for. Callable anywhere.
 *
 * @example
 * ```ts
 * import { spawn, yieldNow } from 'stackful';
 * import { blockingGraph } from 'stackful/inspect';
 *
 * await spawn(() => {
 *   const slow = spawn(() => { yieldNow(); yieldNow(); }, { name: 'slow' });
 *   spawn(() => slow.join(), { name: 'waiting' });
 *   yieldNow();
 *   const { edges, names } = blockingGraph();
 *   console.log(edges.map(({ from, to }) => `${names[from]} -> ${names[to]}`).join()); // waiting -> slow
 * });
 * ```
 */
export function blockingGraph(): BlockingGraph {
  const graph: BlockingGraph = { edges: [], names: {}, deadlocks: [], truncated: false };
  const name = (c: Coroutine) => { graph.names[c.id] = c.name; };
  for (const c of visibleCoroutines()) {
    const object = c.state === 'parked' ? c.waitsFor : undefined;
    const holders = object?.heldBy?.();
    if (!object || holders === undefined) continue;
    for (const holder of [holders].flat()) {
      if (graph.edges.length === MOST_EDGES) {
        graph.truncated = true;
        break;
      }
      graph.edges.push({ from: c.id, to: holder.id, over: describeWaitable(object) });
      name(c);
      name(holder);
    }
  }
  graph.deadlocks = findDeadlocks().filter(({ cycle }) => cycle).map(({ message }) => message);
  return graph;
}

/** One line for each coroutine that is blocked by another. */
export function graphText(graph: BlockingGraph): string {
  const label = (id: number) => nameOf({ id, name: graph.names[id] });
  const lines = graph.edges.map(({ from, to, over }) => `${label(from)} -> ${label(to)}  (${over})`);
  lines.push(...graph.deadlocks.map((message) => `deadlock: ${message}`));
  return lines.length > 0 ? `${lines.join('\n')}\n` : 'no coroutine waits for a lock or a join\n';
}
