import { Coroutine } from '../coroutine/coroutine.js';
import { native } from '../internal/native.js';
import { root } from '../internal/root.js';
import type { Witness } from './run.js';

/** The most turns that a story tells; of a longer one it leaves out some behind the first few. */
const MOST_TURNS = 120;
const MOST_AT_FIRST = 20;
const MOST_NAMED = 8;

/** Notes who runs and where each stops, and tells it in a text. */
export class Story implements Witness {
  private readonly lines: string[] = [];
  private readonly names = new Map<Coroutine, string>();
  private readonly taken = new Map<string, number>();
  private readonly objects = new Map<object, string>();
  private readonly counts = new Map<string, number>();
  private turn = 0;
  private passedOver = '';
  private known = new Set<Coroutine>();

  begins(coroutine: Coroutine, index: number, ready: readonly Coroutine[]): void {
    this.turn++;
    this.nameOf(coroutine);
    this.passedOver = index > 0 ? `, before ${this.list(ready.slice(0, index))}` : '';
    this.known = new Set(ready);
  }

  ends(coroutine: Coroutine, ready: readonly Coroutine[]): void {
    const made = ready.filter((one) => one !== coroutine && !this.known.has(one));
    const makes = made.length > 0 ? `; makes ready: ${this.list(made)}` : '';
    const mark = this.passedOver === '' ? ' ' : '*';
    this.lines.push(`${mark}${String(this.turn).padStart(4)}  ${this.nameOf(coroutine)}${this.passedOver}: ${this.whatOf(coroutine)}${makes}`);
  }

  advanced(): void {
    this.lines.push(`        time passes to ${String(Math.round(native.now() * 1e3) / 1e3)} ms`);
  }

  /** @param outcome what came of it */
  text(outcome: string): string {
    const { lines } = this;
    const left = lines.length - MOST_TURNS;
    const shown = left > 0
      ? [...lines.slice(0, MOST_AT_FIRST), `        ... ${String(left)} lines are left out`, ...lines.slice(MOST_AT_FIRST + left)]
      : lines;
    return ['what happened, turn by turn (*: not the one that had been ready longest):', ...shown, `        then: ${outcome}`].join('\n');
  }

  private whatOf(coroutine: Coroutine): string {
    if (coroutine.state === 'done') return 'ends';
    const place = placeOf(coroutine.stack());
    return `${this.waitOf(coroutine)}${place === undefined ? '' : ` at ${place}`}`;
  }

  private waitOf(coroutine: Coroutine): string {
    const { waitsFor, parkedOn } = coroutine;
    if (waitsFor instanceof Coroutine) return `waits for the end of ${this.nameOf(waitsFor)}`;
    if (coroutine.state === 'ready') return parkedOn === undefined || parkedOn.startsWith('yield') ? 'gives way' : 'is ready again';
    if (waitsFor) return `waits for ${this.labelOf(waitsFor)}`;
    return `waits: ${(parkedOn ?? '').replaceAll(/ #\d+/g, '')}`;
  }

  /** Numbers of coroutines and locks go on from run to run, and a story should not change. */
  private labelOf(object: { label: string }): string {
    let label = this.objects.get(object);
    if (label === undefined) {
      const [, kind = object.label, name = ''] = /^(\S+) #\d+ ?(.*)$/.exec(object.label) ?? [];
      const count = (this.counts.get(kind) ?? 0) + 1;
      this.counts.set(kind, count);
      this.objects.set(object, (label = name === '' ? `${kind} ${String(count)}` : `${kind} ${name}`));
    }
    return label;
  }

  private nameOf(coroutine: Coroutine): string {
    let name = this.names.get(coroutine);
    if (name === undefined) {
      const own = coroutine.name || 'coroutine';
      const count = (this.taken.get(own) ?? 0) + 1;
      this.taken.set(own, count);
      this.names.set(coroutine, (name = count > 1 || !coroutine.name ? `${own} (${String(count)})` : own));
    }
    return name;
  }

  private list(coroutines: readonly Coroutine[]): string {
    const named = coroutines.slice(0, MOST_NAMED).map((one) => this.nameOf(one));
    return named.join(', ') + (coroutines.length > MOST_NAMED ? ` and ${String(coroutines.length - MOST_NAMED)} more` : '');
  }
}

/** The newest place on a stack that is not in this library or in Node: `file:line:column`, relative to the working directory. */
export function placeOf(stack: string): string | undefined {
  const here = `${process.cwd()}/`;
  for (const line of stack.split('\n')) {
    const match = /(?:\(|at |^\s*)((?:file:\/\/)?\/[^()]*:\d+:\d+)\)?$/.exec(line);
    if (!match) continue;
    const place = match[1]!.replace('file://', '');
    if (!place.startsWith(root)) return place.startsWith(here) ? place.slice(here.length) : place;
  }
  return undefined;
}
