import uPlot from 'uplot';

import { h } from './dom.js';
import { bytes, count, duration, percent, rate } from './format.js';
import { connectionsOf, requestsOf, type History } from './history.js';
import { colour } from './theme.js';
import type { Update } from '../wire.js';

const HEIGHT = 150;
const LEAST_WIDTH = 400;
const GAP = 16;
/** Steps of axes that show bytes. */
const POWERS_OF_2 = Array.from({ length: 41 }, (_, i) => 2 ** i);
/** The axis begins with this span, in seconds, and grows. */
const LEAST_SPAN = 60;

interface Line {
  name: string;
  values: (history: History) => (number | null)[];
}

interface Chart {
  title: string;
  text: (value: number) => string;
  lines: Line[];
}

const gauge = (name: string, of: (update: Update) => number): Line => ({ name, values: (history) => history.values(of) });
const counter = (name: string, of: (update: Update) => number): Line => ({ name, values: (history) => history.rates(of) });
const queue = (name: string, kind: string): Line =>
  gauge(name, ({ queues }) => queues.filter((one) => one.kind === kind).reduce((sum, { length }) => sum + length, 0));
/** What coroutines wait for has an age; what the runtime keeps in line has none. */
const longestQueue = ({ queues }: Update) => Math.max(0, ...queues.filter(({ oldest }) => oldest >= 0).map(({ length }) => length));
const longestWait = ({ queues }: Update) => Math.max(0, ...queues.map(({ oldest }) => oldest));

const CHARTS: readonly Chart[] = [
  {
    title: 'Throughput', text: rate,
    lines: [counter('parks', (u) => u.parks), counter('requests', requestsOf), counter('spawned', (u) => u.spawned)],
  },
  {
    title: 'Coroutines', text: count,
    lines: [gauge('live', (u) => u.live), gauge('ready', (u) => u.ready), gauge('connections', connectionsOf)],
  },
  {
    title: 'Queues', text: count,
    lines: [
      queue('run queue', 'run queue'), queue('disk pool', 'disk pool'), queue('backlog', 'backlog'),
      gauge('longest lock or channel', longestQueue),
    ],
  },
  { title: 'Longest wait in a queue', text: duration, lines: [gauge('wait', longestWait)] },
  {
    title: 'Memory', text: bytes,
    lines: [gauge('resident', (u) => u.rss), gauge('heap in use', (u) => u.heap), gauge('external', (u) => u.external)],
  },
  { title: 'Stacks', text: bytes, lines: [gauge('resident', (u) => u.stackResident), gauge('reserved', (u) => u.stackReserved)] },
  { title: 'Busy', text: percent, lines: [gauge('share of time', (u) => u.busy)] },
  { title: 'Timers late', text: duration, lines: [gauge('late', (u) => u.loopLag)] },
];

const COLOURS = ['line1', 'line2', 'line3', 'line4'];

/** Charts of the last ten minutes. */
export class ChartsView {
  private plots: { chart: Chart; plot: uPlot }[] = [];
  private readonly element = h('div', { class: 'charts' });
  private width = 0;

  attach(into: HTMLElement, history: History): void {
    into.append(this.element);
    this.build(history);
  }

  /** Charts keep the colours that they were made with. */
  build(history: History): void {
    for (const { plot } of this.plots) plot.destroy();
    this.plots = [];
    this.width = this.columnWidth();
    const figures = CHARTS.map((chart) => {
      const place = h('div', {});
      this.plots.push({ chart, plot: new uPlot(this.optionsOf(chart), dataOf(chart, history), place) });
      return h('figure', { 'aria-label': chart.title }, h('figcaption', {}, chart.title), place);
    });
    this.element.replaceChildren(...figures);
  }

  update(history: History): void {
    const width = this.columnWidth();
    if (width !== this.width) {
      this.build(history);
      return;
    }
    for (const { chart, plot } of this.plots) plot.setData(dataOf(chart, history));
  }

  private columnWidth(): number {
    const all = this.element.clientWidth || 800;
    const columns = Math.max(1, Math.floor(all / LEAST_WIDTH));
    this.element.style.gridTemplateColumns = `repeat(${String(columns)}, minmax(0, 1fr))`;
    return Math.floor((all - (columns - 1) * GAP) / columns);
  }

  private optionsOf({ text, lines }: Chart): uPlot.Options {
    const dim = colour('dim');
    const grid = { stroke: colour('line'), width: 1 };
    const axis = { stroke: dim, grid, ticks: grid, font: '11px system-ui, sans-serif' };
    return {
      width: this.width,
      height: HEIGHT,
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: true },
      scales: {
        x: { time: false, range: (_plot, min) => [Math.min(min, -LEAST_SPAN), 0] },
        y: { range: (_plot, _min, max) => [0, (max || 1) * 1.05] },
      },
      axes: [
        { ...axis, size: 26, values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? 'now' : tick <= -120 ? `${String(Math.round(tick / 60))} min` : `${String(tick)} s`)) },
        { ...axis, size: 62, space: 34, ...(text === bytes && { incrs: POWERS_OF_2 }), values: (_plot, ticks) => ticks.map(text) },
      ],
      series: [
        { label: 'when', value: (_plot, value: number | null) => (value == null ? '–' : `${String(Math.round(value))} s`) },
        ...lines.map(({ name }, i) => ({
          label: name,
          stroke: colour(COLOURS[i]!),
          width: 1.5,
          points: { show: false },
          value: (_plot: uPlot, value: number | null) => (value == null ? '–' : text(value)),
        })),
      ],
    };
  }
}

function dataOf({ lines }: Chart, history: History): uPlot.AlignedData {
  return [history.times, ...lines.map(({ values }) => values(history))] as uPlot.AlignedData;
}
