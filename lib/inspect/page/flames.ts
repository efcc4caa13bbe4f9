import { h, svg } from './dom.js';
import { cut, duration, percent } from './format.js';
import type { Flame } from '../wire.js';

const ROW = 19;
const CHARACTER = 6.6;
/** Narrower boxes are not drawn. */
const LEAST_WIDTH = 0.8;

/** A flame graph; a click on a box makes it the whole width, one on the lowest box goes back. */
export class FlameView {
  private path: string[] = [];
  private shown: Flame | undefined;
  private readonly element: HTMLElement;

  constructor(
    private readonly title: string,
    private readonly about: string,
    className: string,
  ) {
    this.element = h('section', { class: `flame ${className}`, 'aria-label': title });
  }

  /** Where it is; draws again in the width that this has now. */
  attach(into: HTMLElement): void {
    into.append(this.element);
    this.redraw();
  }

  show(root: Flame): void {
    this.shown = root;
    this.redraw();
  }

  private redraw(): void {
    const root = this.shown;
    const heading = [h('h2', {}, this.title), h('p', { class: 'dim' }, this.about)];
    if (!root || root.value <= 0) {
      this.element.replaceChildren(...heading, h('p', { class: 'empty' }, 'Nothing yet.'));
      return;
    }
    const width = Math.max(this.element.clientWidth, 320);
    const lineage = this.lineage(root);
    const focus = lineage.at(-1)!;
    const boxes: SVGElement[] = [];
    let depth = 0;
    const box = (flame: Flame, level: number, x: number, w: number, path: string[]) => {
      if (w < LEAST_WIDTH) return;
      depth = Math.max(depth, level);
      boxes.push(this.box(flame, level, x, w, path, root.value));
    };
    const children = (flame: Flame, level: number, x: number, scale: number, path: string[]) => {
      let at = x;
      for (const child of flame.children) {
        const w = child.value * scale;
        const below = [...path, keyOf(child)];
        box(child, level, at, w, below);
        if (w >= LEAST_WIDTH) children(child, level + 1, at, scale, below);
        at += w;
      }
    };
    lineage.forEach((flame, level) => { box(flame, level, 0, width, this.path.slice(0, level)); });
    children(focus, lineage.length, 0, width / focus.value, this.path);
    this.element.replaceChildren(...heading,
      svg('svg', { width, height: (depth + 1) * ROW + 1, role: 'group', 'aria-label': this.title }, ...boxes));
  }

  /** From the root to the box that is the whole width. */
  private lineage(root: Flame): Flame[] {
    const lineage = [root];
    for (const [i, key] of this.path.entries()) {
      const next = lineage[i]!.children.find((child) => keyOf(child) === key);
      if (!next) {
        this.path.length = i;
        break;
      }
      lineage.push(next);
    }
    return lineage;
  }

  private box(flame: Flame, level: number, x: number, w: number, path: string[], whole: number): SVGElement {
    const { name, place, value } = flame;
    const label = `${name}${place && ` ${place}`}: ${duration(value)}, ${percent(value / whole)}`;
    const act = () => {
      this.path = path;
      this.redraw();
    };
    const press = (event: Event) => {
      const { key } = event as KeyboardEvent;
      if (key === 'Enter' || key === ' ') act();
    };
    return svg('g', { role: 'button', tabindex: 0, 'aria-label': label, click: act, keydown: press, class: place ? 'code' : 'leaf' },
      svg('title', {}, label),
      svg('rect', { x: x + 0.5, y: level * ROW + 0.5, width: Math.max(w - 1, 0.5), height: ROW - 1, rx: 2 }),
      w > 4 * CHARACTER ? svg('text', { x: x + 5, y: level * ROW + 13.5 }, cut(place ? `${name} ${place}` : name, Math.floor((w - 8) / CHARACTER))) : undefined);
  }
}

function keyOf({ name, place }: Flame): string {
  return `${name}\n${place}`;
}
