import { describe, expect, it } from 'vitest';

import { metricsAsJson, type Metrics } from '../../lib/inspect/metrics.js';
import { WorkerMetrics } from '../../lib/inspect/worker_metrics.js';
import { figuresIn } from './prometheus.js';

const counter = (value: number): Metrics[number] => ({ name: 'stackful_things_total', help: 'Things', type: 'counter', aggregator: 'sum', values: [{ value, labels: {} }] });
const gauge = (value: number, aggregator = 'sum'): Metrics[number] =>
  ({ name: `stackful_${aggregator}`, help: aggregator, type: 'gauge', aggregator, values: [{ value, labels: { kind: 'x' } }] });

describe('the metrics of workers', () => {
  it('are summed, and those of each place stand beside the sums', async () => {
    const metrics = new WorkerMetrics(2);
    metrics.note(0, 10, [counter(3), gauge(1), gauge(5, 'max'), gauge(0.2, 'average')]);
    metrics.note(1, 11, [counter(4), gauge(2), gauge(7, 'max'), gauge(0.4, 'average')]);
    const figures = figuresIn(await metrics.page());
    expect(figures.get('stackful_things_total')).toBe(7);
    expect(figures.get('stackful_worker_things_total{worker="0"}')).toBe(3);
    expect(figures.get('stackful_worker_things_total{worker="1"}')).toBe(4);
    expect(figures.get('stackful_sum{kind="x"}')).toBe(3);
    expect(figures.get('stackful_max{kind="x"}')).toBe(7);
    expect(figures.get('stackful_average{kind="x"}')).toBeCloseTo(0.3);
    expect(figures.get('stackful_worker_sum{worker="1",kind="x"}')).toBe(2);
  });

  it('keep the counters of workers that have ended, and not their gauges', async () => {
    const metrics = new WorkerMetrics(1);
    const total = async () => figuresIn(await metrics.page()).get('stackful_worker_things_total{worker="0"}');
    metrics.note(0, 10, [counter(3), gauge(1)]);
    // The next one has begun, and the old one still counts.
    metrics.note(0, 11, [counter(0), gauge(1)]);
    metrics.note(0, 10, [counter(5), gauge(1)]);
    expect(await total()).toBe(5);
    metrics.ended(0, 10);
    metrics.ended(0, 10);
    metrics.ended(0, 99);
    expect(await total()).toBe(5);
    metrics.note(0, 11, [counter(2), gauge(1)]);
    metrics.ended(0, 11);
    const figures = figuresIn(await metrics.page());
    expect(figures.get('stackful_things_total')).toBe(7);
    expect(figures.has('stackful_sum{kind="x"}')).toBe(false);
    expect(figures.get('stackful_worker_starts_total{worker="0"}')).toBe(2);
  });

  it('have a name and a text of every metric of a process', async () => {
    const metrics = new WorkerMetrics(1);
    const own = await metricsAsJson();
    metrics.note(0, 1, own);
    const text = await metrics.page();
    for (const { name, values } of own) {
      expect(text).toContain(`# TYPE ${name} `);
      expect(text).toContain(`# TYPE ${name.replace('stackful_', 'stackful_worker_')} `);
      expect(values.length === 0 || text.includes(`\n${name}`)).toBe(true);
    }
  });
});
