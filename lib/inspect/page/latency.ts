import { h, svg, table } from './dom.js';
import { count, duration, rate } from './format.js';
import type { RouteTimes } from '../wire.js';

const BAR = 5;
const HEIGHT = 30;
/** The buckets that are drawn of every route, so that rows can be compared: 4 µs to 1 minute. */
const FIRST = 4;
const LAST = 52;

/** The times of handlers, a row for each route. */
export function drawLatency(into: HTMLElement, routes: readonly RouteTimes[]): void {
  if (routes.length === 0) {
    into.replaceChildren(h('p', { class: 'empty' }, 'No request has been answered since this page was opened.'));
    return;
  }
  into.replaceChildren(
    h('p', { class: 'dim' },
      'How long handlers take, waits included, since this page was opened; each bar is 1.4 times as long as the one before.'),
    table('latency by route', ['route', '#requests', '#rate', '#failed', '#p50', '#p95', '#p99', 'distribution'],
      routes.map((route) => [
        route.route, count(route.requests), rate(route.rate), count(route.failures),
        `≤ ${duration(route.p50)}`, `≤ ${duration(route.p95)}`, `≤ ${duration(route.p99)}`, histogram(route),
      ])));
}

function histogram({ route, buckets }: RouteTimes): SVGSVGElement {
  const shown = buckets.slice(FIRST, LAST);
  // What lies outside is in the outermost bars.
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  shown[0]! += sum(buckets.slice(0, FIRST));
  shown[shown.length - 1]! += sum(buckets.slice(LAST));
  const most = Math.max(...shown, 1);
  return svg('svg', { class: 'histogram', width: shown.length * BAR, height: HEIGHT, role: 'img', 'aria-label': `distribution of the times of ${route}` },
    ...shown.map((value, i) => {
      // The root keeps few long ones visible beside many short ones.
      const height = value > 0 ? Math.max(Math.sqrt(value / most) * HEIGHT, 1.5) : 0;
      const limit = 2 ** ((i + FIRST) / 2 - 10);
      return svg('rect', { x: i * BAR, y: HEIGHT - height, width: BAR - 1, height },
        svg('title', {}, `${count(value)} up to ${duration(limit)}`));
    }));
}
