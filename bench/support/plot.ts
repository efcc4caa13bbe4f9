/** Rows as an SVG drawing, by Apache ECharts, which needs no browser for that. */

import type { EChartsOption, SeriesOption } from 'echarts';
import type { Figure, Row } from './bench.js';

const PANEL_WIDTH = 640;
const HEIGHT = 420;
const GRID = { top: 78, bottom: 74, left: 82, right: 26 };
/** Ours stand out; the others keep one colour each through all drawings, in the order in which they appear. */
const OURS = ['#c0392b', '#e67e22', '#8e44ad'];
const THEIRS = ['#2c3e50', '#2980b9', '#27ae60', '#7f8c8d', '#16a085', '#b7950b', '#5d6d7e'];
const isOurs = (subject: string): boolean => /^(stackful|knot)/.test(subject);

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return value >= 1e4 ? `${Number((value / 1e3).toPrecision(3))}k` : String(Number(value.toPrecision(3)));
}

function colours(rows: readonly Row[]): Map<string, string> {
  const subjects = [...new Set(rows.map((row) => row.subject))];
  const pick = (from: readonly string[], own: boolean): [string, string][] =>
    subjects.filter((each) => isOurs(each) === own).map((each, i) => [each, from[i % from.length]!]);
  return new Map([...pick(OURS, true), ...pick(THEIRS, false)]);
}

/** One panel's series and horizontal axis. */
function panel(figure: Figure, rows: readonly Row[], index: number, colour: Map<string, string>) {
  const own = rows.filter((row) => row.metric === figure.metric);
  const axes = { xAxisIndex: index, yAxisIndex: index };
  const { x } = figure;
  if (x === undefined) {
    const points = own.map(({ bench: _b, subject, metric: _m, value: _v, unit: _u, ...at }) =>
      [subject, ...Object.values(at).map((n) => (typeof n === 'number' ? short(n) : n))].join(' '),
    );
    const data = own.map((row) => ({ value: row.value, itemStyle: { color: colour.get(row.subject)! } }));
    const bars: SeriesOption = {
      type: 'bar',
      ...axes,
      data,
      barMaxWidth: 36,
      label: { show: true, position: 'top', formatter: ({ value }) => short(Number(value)) },
    };
    const axisLabel = { interval: 0, rotate: points.length > 5 ? 25 : 0, fontSize: 11 };
    return { series: [bars], xAxis: { type: 'category' as const, data: points, gridIndex: index, axisLabel } };
  }
  const series = [...new Set(own.map((row) => row.subject))].map((subject): SeriesOption => {
    const color = colour.get(subject)!;
    const data = own.filter((row) => row.subject === subject).map((row) => [Number(row[x]), row.value]);
    const width = isOurs(subject) ? 3 : 1.8;
    // A forced switch is another curve of the same subject.
    const type = subject.endsWith('-switching') ? ('dashed' as const) : ('solid' as const);
    const lineStyle = { width, color, type };
    return { type: 'line', name: subject, ...axes, data, lineStyle, itemStyle: { color }, symbolSize: 5 };
  });
  const xAxis = {
    type: 'log' as const,
    gridIndex: index,
    name: figure.xLabel ?? x,
    nameLocation: 'middle' as const,
    nameGap: 26,
    minorSplitLine: { show: false },
    axisLabel: { formatter: short },
  };
  return { series, xAxis };
}

/** `caption` is the line below the drawing: machine and date. */
export async function draw(figures: readonly Figure[], rows: readonly Row[], caption: string): Promise<string> {
  const { init } = await import('echarts');
  const colour = colours(rows);
  const panels = figures.map((figure, i) => panel(figure, rows, i, colour));
  const left = (i: number): number => i * PANEL_WIDTH + GRID.left;
  const named = panels.flatMap((each) => each.series).map((each) => each.name);
  const option: EChartsOption = {
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      ...figures.map(({ title }, i) => ({ text: title, left: left(i), top: 8, textStyle: { fontSize: 15 } })),
      { text: caption, left: GRID.left, bottom: 4, textStyle: { fontSize: 10, fontWeight: 'normal', color: '#666' } },
    ],
    legend: { top: 32, left: GRID.left, data: [...new Set(named)].filter((name) => name !== undefined) as string[] },
    grid: figures.map((_, i) => ({
      top: GRID.top,
      bottom: GRID.bottom,
      left: left(i),
      width: PANEL_WIDTH - GRID.left - GRID.right,
    })),
    xAxis: panels.map((each) => each.xAxis),
    yAxis: figures.map(({ label, logarithmic }, i) => ({
      type: logarithmic === true ? ('log' as const) : ('value' as const),
      gridIndex: i,
      name: label,
      nameLocation: 'middle' as const,
      nameGap: 54,
      axisLabel: { formatter: short },
    })),
    series: panels.flatMap((each) => each.series),
  };
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: PANEL_WIDTH * figures.length, height: HEIGHT });
  try {
    chart.setOption(option);
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}
