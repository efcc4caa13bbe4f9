import { h } from './dom.js';
import { count, duration } from './format.js';

/** What `coroutines.json` has of each. */
interface Listed {
  id: number;
  name: string;
  state: string;
  parkedOn?: string;
  parkedFor?: number;
  stack: string;
  spawnedAt?: string;
}

/** The coroutines, those with the same stack in one entry; an entry that was opened stays open. */
export class CoroutinesView {
  private listed: readonly Listed[] = [];
  private total = 0;
  private readonly open = new Set<string>();
  private readonly filter = h('input', {
    type: 'search', placeholder: 'name, wait, frame', 'aria-label': 'filter', input: () => { this.redraw(); },
  });
  private readonly shown = h('span', { class: 'dim', role: 'status' });
  private readonly list = h('div', {});
  private readonly element = h('div', {},
    h('p', { class: 'controls' }, h('label', {}, 'show those with ', this.filter), ' ', this.shown),
    this.list);

  attach(into: HTMLElement): void {
    into.append(this.element);
  }

  show({ infos, total }: { infos: Listed[]; total: number }): void {
    this.listed = infos;
    this.total = total;
    this.redraw();
  }

  private redraw(): void {
    const wanted = this.filter.value.toLowerCase();
    const groups = new Map<string, Listed[]>();
    for (const coroutine of this.listed) {
      if (wanted && !JSON.stringify(coroutine).toLowerCase().includes(wanted)) continue;
      const key = [coroutine.state, kindOf(coroutine), coroutine.stack].join('|');
      const others = groups.get(key);
      if (others) others.push(coroutine);
      else groups.set(key, [coroutine]);
    }
    const { length } = this.listed;
    this.shown.textContent = this.total > length ? `${count(length)} of ${count(this.total)} are listed` : `${count(this.total)} in all`;
    this.list.replaceChildren(...[...groups].sort((a, b) => b[1].length - a[1].length).map(([key, members]) => this.entry(key, members)));
  }

  private entry(key: string, members: Listed[]): HTMLElement {
    const [first] = members as [Listed];
    const what = first.parkedOn === undefined ? first.state : `parked on ${members.length > 1 ? kindOf(first) : first.parkedOn}`;
    const age = first.parkedFor === undefined ? '' : `, ${duration(Math.max(...members.map((member) => member.parkedFor ?? 0)))}`;
    const details = h('details', { toggle: () => { if (details.open) this.open.add(key); else this.open.delete(key); } },
      h('summary', {}, h('b', {}, members.length > 1 ? `${String(members.length)} × ${first.name || 'anonymous'}` : `#${String(first.id)} ${first.name}`), ` ${what}${age}`),
      h('pre', {}, first.stack.replace(/^ {4}/gm, '') + (first.spawnedAt ? `\nspawned at ${first.spawnedAt}` : '')));
    details.open = this.open.has(key);
    return details;
  }
}

function kindOf({ parkedOn }: Listed): string {
  return (parkedOn ?? '').split(' ')[0]!;
}
