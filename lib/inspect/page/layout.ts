import { Graph, layout } from '@dagrejs/dagre';

import type { BlockingPath, BlockingPoint } from '../wire.js';

export const NODE_WIDTH = 236;
export const NODE_HEIGHT = 62;
export const TERMINAL_WIDTH = 64;
export const TERMINAL_HEIGHT = 28;
/** What the path from a point to itself, and its label, take at its right side. */
export const LOOP_WIDTH = 132;
/** What the label of a path takes. */
const LABEL_WIDTH = 92;
const LABEL_HEIGHT = 14;
/** Between parts of the graph that have nothing to do with each other. */
const GAP = 28;

export interface Place {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** The middles of points. */
  nodes: Map<number, Place>;
  /** By `from>to`: where the path turns, and where its label begins. */
  edges: Map<string, Way>;
}

export interface Way {
  corners: Place[];
  label: Place;
}

export const keyOf = ({ from, to }: { from: number; to: number }): string => `${String(from)}>${String(to)}`;
export const isTerminal = ({ kind }: BlockingPoint): boolean => kind === 'start' || kind === 'end';

/** Where the points and the paths go. Each connected part is laid out by dagre; the parts fill lines `width` wide. */
export function layOut(points: readonly BlockingPoint[], paths: readonly BlockingPath[], width: number): Layout {
  const parts = connectedParts(points, paths).map((part) => {
    const ids = new Set(part.map(({ id }) => id));
    return layOutPart(part, paths.filter(({ from }) => ids.has(from)));
  });
  const whole: Layout = { width: 0, height: GAP / 2, nodes: new Map(), edges: new Map() };
  let x = GAP / 2;
  let y = GAP / 2;
  for (const part of parts.sort((a, b) => b.height - a.height || b.width - a.width)) {
    if (x > GAP / 2 && x + part.width > width) {
      x = GAP / 2;
      y = whole.height + GAP;
    }
    const moved = (at: Place): Place => ({ x: at.x + x, y: at.y + y });
    for (const [id, at] of part.nodes) whole.nodes.set(id, moved(at));
    for (const [key, { corners, label }] of part.edges) whole.edges.set(key, { corners: corners.map(moved), label: moved(label) });
    x += part.width + GAP;
    whole.width = Math.max(whole.width, x - GAP / 2);
    whole.height = Math.max(whole.height, y + part.height);
  }
  whole.height += GAP / 2;
  return whole;
}

function connectedParts(points: readonly BlockingPoint[], paths: readonly BlockingPath[]): BlockingPoint[][] {
  const part = new Map(points.map(({ id }) => [id, id]));
  const rootOf = (id: number): number => {
    const up = part.get(id)!;
    return up === id ? id : rootOf(up);
  };
  for (const { from, to } of paths) part.set(rootOf(from), rootOf(to));
  const parts = new Map<number, BlockingPoint[]>();
  // By number, so that a part does not change its look when rates do.
  for (const point of [...points].sort((a, b) => a.id - b.id)) {
    const root = rootOf(point.id);
    const members = parts.get(root);
    if (members) members.push(point);
    else parts.set(root, [point]);
  }
  return [...parts.values()];
}

function layOutPart(points: readonly BlockingPoint[], paths: readonly BlockingPath[]): Layout {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 36, edgesep: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  const loops = new Set(paths.filter(({ from, to }) => from === to).map(({ from }) => from));
  for (const point of points) {
    const terminal = isTerminal(point);
    graph.setNode(String(point.id), {
      width: terminal ? TERMINAL_WIDTH : NODE_WIDTH + (loops.has(point.id) ? LOOP_WIDTH : 0),
      height: terminal ? TERMINAL_HEIGHT : NODE_HEIGHT,
    });
  }
  for (const { from, to, rate } of paths) {
    // Whole weights: with fractions dagre's sums do not come out even, and it throws.
    const weight = 1 + Math.round(2 * Math.log10(1 + rate));
    const label = { weight, width: LABEL_WIDTH, height: LABEL_HEIGHT, labelpos: 'r' as const, labeloffset: 4 };
    if (from !== to) graph.setEdge(String(from), String(to), label);
  }
  layout(graph);
  const nodes = new Map<number, Place>();
  for (const { id } of points) {
    const { x = 0, y = 0 } = graph.node(String(id)) as Partial<Place>;
    nodes.set(id, { x: x - (loops.has(id) ? LOOP_WIDTH / 2 : 0), y });
  }
  const edges = new Map<string, Way>();
  for (const path of paths) {
    if (path.from === path.to) continue;
    const { points: way = [], x = 0, y = 0 } = graph.edge(String(path.from), String(path.to)) as { points?: Place[] } & Partial<Place>;
    const corners = ended(way, nodes.get(path.from)!, nodes.get(path.to)!, loops);
    edges.set(keyOf(path), { corners, label: { x: x - LABEL_WIDTH / 2, y } });
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { width, height, nodes, edges };

  /** dagre ends a way at the border of the box that has room for a loop, too: at the sides that may be beside the point. */
  function ended(way: Place[], from: Place, to: Place, wide: ReadonlySet<number>): Place[] {
    if (wide.size === 0 || way.length < 2) return way;
    const reach = NODE_WIDTH / 2 - 8;
    const clamp = ({ x, y }: Place, at: Place): Place => ({ x: Math.min(Math.max(x, at.x - reach), at.x + reach), y });
    return [clamp(way[0]!, from), ...way.slice(1, -1), clamp(way.at(-1)!, to)];
  }
}
