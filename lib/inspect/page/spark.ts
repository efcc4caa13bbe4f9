import { svg } from './dom.js';

const WIDTH = 84;
const HEIGHT = 20;
/** Points of a sparkline: a minute and a half. */
const POINTS = 90;

/** A line without axes, from the oldest value on the left to the newest on the right; the top is the largest. */
export function spark(values: readonly (number | null)[], label: string): SVGSVGElement {
  const shown = values.slice(-POINTS).map((value) => value ?? 0);
  const most = Math.max(...shown, 1e-9);
  const x = (i: number) => WIDTH - 1 - (shown.length - 1 - i) * ((WIDTH - 2) / (POINTS - 1));
  const y = (value: number) => HEIGHT - 2 - (value / most) * (HEIGHT - 4);
  const line = shown.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  const area = line.length > 1 ? [`${x(0).toFixed(1)},${String(HEIGHT)}`, ...line, `${String(WIDTH - 1)},${String(HEIGHT)}`].join(' ') : '';
  return svg('svg', { class: 'spark', width: WIDTH, height: HEIGHT, role: 'img', 'aria-label': label },
    svg('polygon', { points: area }), svg('polyline', { points: line.join(' ') }));
}
