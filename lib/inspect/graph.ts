import type { Coroutine } from '../coroutine/coroutine.js';
import { nameOf } from '../internal/names.js';
import { describeWaitable } from '../internal/waiting.js';
import { findDeadlocks } from '../observe/deadlock.js';
import { visibleCoroutines } from '../observe/dump.js';
import { recorder } from './recorder.js';
import type { BlockingPath, BlockingPoint } from './wire.js';

/** Where coroutines park, and which coroutine waits for which. */
export interface BlockingGraph {
  /** The places of the program where coroutines are parked, or have parked lately. */
  points: BlockingPoint[];
  /** What coroutines run between two consecutive points; empty unless {@link recordBlocking} or a viewer records it. */
  paths: BlockingPath[];
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
 * The blocking graph of this thread: its nodes are the places where coroutines park, its edges the code that they run between
 * two consecutive parks (R. von Behren, J. Condit, E. Brewer: Why Events Are A Bad Idea, HotOS 2003, section 4). And the
 * coroutines that are parked on locks and joins, with those that hold what they wait for. Callable anywhere.
 *
 * It reads the stacks of 200 coroutines at most, at 10 to 30 µs each; of more it estimates how many are where.
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
  recorder.update();
  const graph: BlockingGraph = { ...recorder.view(), edges: [], names: {}, deadlocks: [], truncated: false };
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

/** A recording of the blocking graph, which {@link recordBlocking} begins. */
export interface BlockingRecording {
  /** Ends it. */
  stop(): void;
  /** For `using`: {@link stop}. */
  [Symbol.dispose](): void;
}

/**
 * From now on about fifty parks a second are sampled, so that `blockingGraph()` has rates, waiting times and paths. What has
 * passed since the last call of that is averaged, so call it once a second or so. A viewer of the inspector's page records by
 * itself. Never parks.
 *
 * @example
 * ```ts
 * import { sleep, spawn } from 'stackful';
 * import { blockingGraph, recordBlocking } from 'stackful/inspect';
 *
 * using recording = recordBlocking();
 * const worker = spawn(function work() { for (;;) sleep(1); });
 * await spawn(() => sleep(300));
 * blockingGraph(); // the rate of parks is known from now on
 * await spawn(() => sleep(1000));
 * const { points, paths } = blockingGraph();
 * const point = points.find(({ name }) => name === 'work');
 * console.log(point?.kind, paths.some(({ from, to }) => from === point?.id && to === from)); // sleep true
 * worker.cancel();
 * recording.stop();
 * ```
 */
export function recordBlocking(): BlockingRecording {
  const stop = recorder.start();
  return { stop, [Symbol.dispose]: stop };
}

/** One line for each coroutine that is blocked by another. */
export function graphText(graph: BlockingGraph): string {
  const label = (id: number) => nameOf({ id, name: graph.names[id] });
  const lines = graph.edges.map(({ from, to, over }) => `${label(from)} -> ${label(to)}  (${over})`);
  lines.push(...graph.deadlocks.map((message) => `deadlock: ${message}`));
  return lines.length > 0 ? `${lines.join('\n')}\n` : 'no coroutine waits for a lock or a join\n';
}
