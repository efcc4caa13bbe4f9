import type { StaticGraph, StaticPoint } from '../blocking_graph.js';

/** What `stackful inspect PID graph` prints of a place where coroutines have parked. */
export interface MeasuredPoint {
  readonly place: string;
  readonly parked: number;
  /** Parks a second. */
  readonly rate: number;
  /** Mean wait, in milliseconds. */
  readonly wait: number;
}

/** The inspector names places by the file's name and the line: `orders.js:12`. */
function isAt({ file, line }: StaticPoint, place: string): boolean {
  return file !== '' && `${file.slice(file.lastIndexOf('/') + 1)}:${String(line)}` === place;
}

/** The graph for Graphviz, with what a live inspector has measured at the same places. */
export function dotReport({ points, paths }: StaticGraph, measured: readonly MeasuredPoint[] = []): string {
  const lines = points.map((point) => {
    const label = [point.kind, point.name, ...(point.file === '' ? [] : [`${point.file}:${String(point.line)}`])];
    const found = measured.filter(({ place }) => isAt(point, place));
    const rate = found.reduce((sum, one) => sum + one.rate, 0);
    const parked = found.reduce((sum, one) => sum + one.parked, 0);
    if (found.length > 0) label.push(`${rate.toFixed(1)}/s, ${String(parked)} parked, ${found[0]!.wait.toFixed(1)} ms each`);
    const look = point.file === '' ? 'shape=circle' : `shape=box${found.length > 0 ? ', style=filled, fillcolor="#ffe08a"' : ''}`;
    return `  ${String(point.id)} [${look}, label=${JSON.stringify(label.join('\n'))}];`;
  });
  const edges = paths.map(({ from, to }) => `  ${String(from)} -> ${String(to)};`);
  return `digraph blocking {\n  rankdir=LR;\n  node [fontname="sans-serif", fontsize=10];\n${[...lines, ...edges].join('\n')}\n}\n`;
}
