import { byId, h } from './dom.js';
import { bytes, count, duration, percent, rate } from './format.js';
import { connectionsOf, requestsOf, type History } from './history.js';
import { spark } from './spark.js';
import type { Update } from '../wire.js';

/** The strip of figures that every view has above it. */
export function drawTiles(history: History): void {
  const { latest } = history;
  if (!latest) return;
  const tile = (name: string, text: string, values: readonly (number | null)[]) =>
    h('div', { class: 'tile', role: 'group', 'aria-label': `${name}: ${text}` },
      h('span', {}, name), h('b', {}, text), spark(values, `${name} over time`));
  const counter = (name: string, of: (update: Update) => number) => {
    const rates = history.rates(of);
    return tile(name, rate(rates.at(-1) ?? 0), rates);
  };
  const gauge = (name: string, of: (update: Update) => number, text: (value: number) => string = count) =>
    tile(name, text(of(latest)), history.values(of));
  const tiles = [
    gauge('coroutines', (u) => u.live),
    gauge('ready', (u) => u.ready),
    ...(latest.servers.length > 0 ? [counter('requests', requestsOf), gauge('connections', connectionsOf)] : []),
    counter('parks', (u) => u.parks),
    counter('spawned', (u) => u.spawned),
    gauge('busy', (u) => u.busy, percent),
    gauge('timers late', (u) => u.loopLag, duration),
    gauge('memory', (u) => u.rss, bytes),
    gauge('stacks', (u) => u.stackResident, bytes),
  ];
  byId('tiles').replaceChildren(...tiles);
}
