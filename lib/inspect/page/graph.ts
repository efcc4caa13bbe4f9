import { h, svg } from './dom.js';
import { count, cut, duration, rate } from './format.js';
import { groupOf, LEGEND } from './kinds.js';
import {
  isTerminal, keyOf, layOut, NODE_HEIGHT, NODE_WIDTH, TERMINAL_HEIGHT, TERMINAL_WIDTH, type Layout, type Place, type Way,
} from './layout.js';
import type { BlockingPath, BlockingPoint, Update } from '../wire.js';

/** More labels of paths would cover each other. */
const MOST_LABELS = 40;
const NAME_LENGTH = 27;
const DETAIL_LENGTH = 38;

/** The blocking graph, which is laid out anew only when points or paths come or go. */
export class GraphView {
  private shape = '';
  private room = 0;
  private laidOut: Layout | undefined;
  selected: number | undefined;

  constructor(private readonly select: (id: number) => void) {}

  draw(into: HTMLElement, { points, paths, parks }: Update): void {
    if (points.length === 0) {
      into.replaceChildren(h('p', { class: 'empty' }, parks === 0 ? 'No coroutine has parked yet.' : 'No coroutine is parked.'));
      return;
    }
    const shape = [points.map(({ id }) => id).sort((a, b) => a - b), paths.map(keyOf).sort()].join(';');
    const room = Math.floor(into.clientWidth / 100) * 100;
    if (!this.laidOut || shape !== this.shape || room !== this.room) this.laidOut = layOut(points, paths, room - 40);
    this.shape = shape;
    this.room = room;
    const { width, height, edges, nodes } = this.laidOut;
    const most = Math.max(...paths.map((path) => path.rate), 1);
    const labelled = new Set([...paths].sort((a, b) => b.rate - a.rate).slice(0, MOST_LABELS));
    const focused = (document.activeElement as HTMLElement | SVGElement | null)?.dataset.point;
    const drawing = svg('svg', { class: 'graph', width: width + 8, height: height + 8, role: 'group', 'aria-label': 'blocking graph' },
      arrowHead(),
      ...paths.map((path) => drawPath(path, edges.get(keyOf(path))?.corners, nodes.get(path.from)!, most)),
      ...points.map((point) => this.drawPoint(point, nodes.get(point.id)!)),
      ...paths.filter((path) => labelled.has(path)).map((path) => drawLabel(path, edges.get(keyOf(path)), nodes.get(path.from)!)));
    const before = into.querySelector('.scroll');
    const [left, top] = [before?.scrollLeft ?? 0, before?.scrollTop ?? 0];
    into.replaceChildren(legend(), h('div', { class: 'scroll', tabindex: 0, 'aria-label': 'blocking graph, scrollable' }, drawing));
    into.querySelector('.scroll')!.scrollTo(left, top);
    if (focused !== undefined) into.querySelector<SVGElement>(`[data-point="${focused}"]`)?.focus();
  }

  private drawPoint(point: BlockingPoint, { x, y }: Place): SVGElement {
    if (isTerminal(point)) {
      return svg('g', { class: 'terminal', transform: `translate(${String(x)},${String(y)})` },
        svg('rect', {
          x: -TERMINAL_WIDTH / 2, y: -TERMINAL_HEIGHT / 2, width: TERMINAL_WIDTH, height: TERMINAL_HEIGHT, rx: TERMINAL_HEIGHT / 2,
        }),
        svg('text', { 'text-anchor': 'middle', y: 4 }, point.kind));
    }
    const { id, parked, kind, name, place, via, deadlocked, oldest } = point;
    const left = -NODE_WIDTH / 2;
    const top = -NODE_HEIGHT / 2;
    const where = [kind, place].filter(Boolean).join(' · ') + (via && ` ← ${via}`);
    const times = [point.rate > 0 && rate(point.rate), point.wait > 0 && `waits ${duration(point.wait)}`, parked > 0 && `oldest ${duration(oldest)}`];
    const label = `${String(parked)} coroutines parked at ${name || kind}, ${where}${deadlocked > 0 ? `, ${String(deadlocked)} in a deadlock` : ''}`;
    const classes = ['point', groupOf(kind), deadlocked > 0 && 'deadlocked', id === this.selected && 'selected'].filter(Boolean).join(' ');
    const act = () => { this.select(id); };
    const badge = count(parked);
    const badgeWidth = 12 + 7.5 * badge.length;
    return svg('g', {
      class: classes, transform: `translate(${String(x)},${String(y)})`, tabindex: 0, role: 'button', 'aria-label': label, 'data-point': id,
      click: act,
      keydown: (event) => {
        const { key } = event as KeyboardEvent;
        if (key !== 'Enter' && key !== ' ') return;
        event.preventDefault();
        act();
      },
    },
    svg('title', {}, label),
    svg('rect', { x: left, y: top, width: NODE_WIDTH, height: NODE_HEIGHT, rx: 5 }),
    svg('rect', { class: 'mark', x: left, y: top, width: 4, height: NODE_HEIGHT, rx: 2 }),
    svg('text', { class: 'name', x: left + 12, y: top + 19 }, cut(name || kind, NAME_LENGTH)),
    svg('text', { class: 'detail', x: left + 12, y: top + 35 }, cut(where, DETAIL_LENGTH)),
    svg('text', { class: 'detail', x: left + 12, y: top + 51 }, times.filter(Boolean).join(' · ')),
    ...(parked > 0 ? [
      svg('rect', { class: 'badge', x: -left - badgeWidth - 7, y: top + 6, width: badgeWidth, height: 19, rx: 9.5 }),
      svg('text', { class: 'badge', x: -left - badgeWidth / 2 - 7, y: top + 20, 'text-anchor': 'middle' }, badge),
    ] : []));
  }
}

function arrowHead(): SVGElement {
  const size = { viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7 };
  const marker = svg('marker', { id: 'arrow', ...size, markerUnits: 'userSpaceOnUse', orient: 'auto' },
    svg('path', { d: 'M0,0.8 L8,4 L0,7.2 z' }));
  return svg('defs', {}, marker);
}

/** A path from a point to itself goes round at its right side. */
function wayOf(way: readonly Place[] | undefined, { x, y }: Place): string {
  if (!way) {
    const right = x + NODE_WIDTH / 2;
    return `M${String(right)},${String(y - 12)} C${String(right + 34)},${String(y - 22)} ${String(right + 34)},${String(y + 22)} ${String(right)},${String(y + 12)}`;
  }
  const [first, ...others] = way as [Place, ...Place[]];
  let d = `M${String(first.x)},${String(first.y)}`;
  for (const [i, at] of others.entries()) {
    const next = others[i + 1];
    // Through the middles between the corners, with the corners as control points: round, and without overshooting.
    d += next
      ? ` Q${String(at.x)},${String(at.y)} ${String((at.x + next.x) / 2)},${String((at.y + next.y) / 2)}`
      : ` L${String(at.x)},${String(at.y)}`;
  }
  return d;
}

function drawPath(path: BlockingPath, way: readonly Place[] | undefined, from: Place, most: number): SVGElement {
  const width = 1 + 3 * (Math.log10(1 + path.rate) / Math.log10(1 + most));
  return svg('path', { class: 'path', d: wayOf(way, from), 'stroke-width': width.toFixed(1), 'marker-end': 'url(#arrow)' },
    svg('title', {}, `${rate(path.rate)}, runs ${duration(path.run)} after a wait of ${duration(path.wait)}; ${duration(path.rate * path.run)} of CPU a second`));
}

function drawLabel(path: BlockingPath, way: Way | undefined, from: Place): SVGElement {
  const at = way ? way.label : { x: from.x + NODE_WIDTH / 2 + 28, y: from.y };
  return svg('text', { class: 'label', x: at.x + 5, y: at.y + 4, 'text-anchor': 'start' }, `${rate(path.rate)} · ${duration(path.run)}`);
}

function legend(): HTMLElement {
  return h('p', { class: 'legend' },
    ...LEGEND.map(([group, text]) => h('span', { class: group }, h('i'), text)),
    h('span', { class: 'deadlocked' }, h('i'), 'deadlock'),
    h('span', { class: 'dim' }, 'edges: runs a second · CPU time of one'));
}
