import type { Coroutine } from '../coroutine.js';
import { describeWaitable, findDeadlocks } from '../deadlock.js';
import { visibleCoroutines } from '../dump.js';

/** Who waits for whom. */
export interface BlockingGraph {
  /** `from` cannot go on before `to` has done something; both are ids of coroutines. */
  edges: { from: number; to: number; over: string }[];
  /** Names of those in `edges`, by id. */
  names: Record<number, string>;
  /** Circles of coroutines that wait for each other, in words. */
  deadlocks: string[];
  /** Edges were left out. */
  truncated: boolean;
}

const MOST_EDGES = 10_000;

/** The coroutines that are parked for something that others hold: locks and joins. */
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

const label = (graph: BlockingGraph, id: number) => `#${String(id)}${graph.names[id] ? ` ${graph.names[id]}` : ''}`;

/** One line for each coroutine that is blocked by another. */
export function graphText(graph: BlockingGraph): string {
  const lines = graph.edges.map(({ from, to, over }) => `${label(graph, from)} -> ${label(graph, to)}  (${over})`);
  lines.push(...graph.deadlocks.map((message) => `deadlock: ${message}`));
  return lines.length > 0 ? `${lines.join('\n')}\n` : 'nobody waits for a lock or a join\n';
}
