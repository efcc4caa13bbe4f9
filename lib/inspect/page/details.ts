import { byId, h } from './dom.js';
import { bytes, count, duration, rate } from './format.js';
import type { ParkedCoroutine, PointDetails } from '../wire.js';

/** So many holders of one lock are listed. */
const MOST_HOLDERS = 10;

/** Shows who is parked at a point; `close` is called when the reader has seen enough. */
export function drawDetails({ point, coroutines, lastStack }: PointDetails, close: () => void): void {
  const panel = byId('details');
  const button = h('button', { type: 'button', class: 'close', 'aria-label': 'close the details', click: close }, '×');
  if (!point) {
    panel.replaceChildren(button, h('p', { class: 'empty' }, 'No coroutine comes here any more.'));
    return;
  }
  const facts: [string, string][] = [
    ['parked', count(point.parked)],
    ['parks', rate(point.rate)],
    ['a wait lasts', duration(point.wait)],
    ['longest now', point.parked > 0 ? duration(point.oldest) : '–'],
    ['stack used', bytes(point.depth)],
    ['in a deadlock', point.deadlocked > 0 ? count(point.deadlocked) : 'none'],
  ];
  panel.replaceChildren(
    button,
    h('h2', {}, point.name || point.kind),
    h('p', { class: 'dim' }, [point.kind, point.place, point.via && `from ${point.via}`].filter(Boolean).join(' · ')),
    h('dl', {}, ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
    ...groups(coroutines).map(drawGroup),
    coroutines.length === 0 && lastStack
      ? h('section', { class: 'stack' }, h('h3', {}, 'a stack that has led here'), stackText(lastStack))
      : '',
  );
}

function stackText(stack: string): HTMLElement {
  return h('pre', { tabindex: 0, 'aria-label': 'stack' }, stack.replace(/^ {4}at /gm, '').replace(/file:\/\//g, ''));
}

/** Coroutines with one stack are one entry. */
function groups(coroutines: readonly ParkedCoroutine[]): ParkedCoroutine[][] {
  const byStack = new Map<string, ParkedCoroutine[]>();
  for (const coroutine of coroutines) {
    const others = byStack.get(coroutine.stack);
    if (others) others.push(coroutine);
    else byStack.set(coroutine.stack, [coroutine]);
  }
  return [...byStack.values()].sort((a, b) => b.length - a.length);
}

function drawGroup(members: ParkedCoroutine[]): HTMLElement {
  const [first] = members as [ParkedCoroutine];
  const holders = new Map(members.flatMap((member) => member.holders.map((holder) => [holder.id, holder])));
  return h('section', { class: 'stack' },
    h('h3', {}, members.length === 1 ? 'one coroutine' : `${count(members.length)} coroutines with this stack`),
    stackText(first.stack),
    ...(holders.size > 0 ? [
      h('h4', {}, 'held by'),
      h('ul', {}, ...[...holders.values()].slice(0, MOST_HOLDERS).map(({ id, name, state, parkedOn }) =>
        h('li', {}, `#${String(id)} ${name}: ${parkedOn ? `parked on ${parkedOn}` : state}`))),
    ] : []),
    h('ul', { class: 'members' }, ...members.map(({ id, name, parkedOn, parkedFor, deadlocked, spawnedAt }) =>
      h('li', { class: deadlocked && 'bad' },
        h('b', {}, `#${String(id)} ${name}`), ` ${parkedOn}, ${duration(parkedFor)}`, spawnedAt && ` · spawned at ${spawnedAt}`))));
}
