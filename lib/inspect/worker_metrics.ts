import { promClient, type Metrics } from './metrics.js';

/** The figures of one place among the workers, which one worker after the other has. */
interface Place {
  /** The counters of workers that have ended. */
  past: Metrics;
  /** The last figures of those that have not, by process id: while one is replaced, the old one and the new one. */
  readonly alive: Map<number, Metrics>;
  starts: number;
}

/** The counters of both. */
function sum(past: Metrics, last: Metrics): Metrics {
  return last.filter(({ type }) => type === 'counter').map((counter) => {
    const before = past.find(({ name }) => name === counter.name)?.values ?? [];
    const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);
    const valueBefore = (labels: object): number => before.find((one) => same(one.labels, labels))?.value ?? 0;
    return { ...counter, values: counter.values.map((one) => ({ ...one, value: one.value + valueBefore(one.labels) })) };
  });
}

const OWN = 'stackful_';
const OF_A_WORKER = 'stackful_worker_';

/**
 * The figures of several workers on one page for Prometheus: their sums under the names that one process has, and under
 * `stackful_worker_…` those of each place, with the label `worker`. A place keeps its counters when its worker ends and another one
 * follows, so that they never go down.
 */
export class WorkerMetrics {
  private readonly places: readonly Place[];

  constructor(workers: number) {
    this.places = Array.from({ length: workers }, () => ({ past: [], alive: new Map<number, Metrics>(), starts: 0 }));
  }

  /** The figures that a worker has sent. */
  note(at: number, pid: number, metrics: Metrics): void {
    const place = this.places[at]!;
    if (!place.alive.has(pid)) place.starts++;
    place.alive.set(pid, metrics);
  }

  /** A worker has ended. What it has counted since it last sent figures is lost. */
  ended(at: number, pid: number): void {
    const place = this.places[at]!;
    const last = place.alive.get(pid);
    if (!last) return;
    place.past = sum(place.past, last);
    place.alive.delete(pid);
  }

  /** In Prometheus's text format. */
  async page(): Promise<string> {
    const own: Metrics[] = [];
    for (const [at, { past, alive }] of this.places.entries()) {
      const worker = String(at);
      const metrics = await together([past, ...alive.values()]).getMetricsAsJSON();
      own.push(metrics.map((metric) => ({
        ...metric,
        name: metric.name.replace(OWN, OF_A_WORKER),
        values: metric.values.map((one) => ({ ...one, labels: { worker, ...one.labels } })),
      })));
    }
    const all = this.places.flatMap(({ past, alive }) => [past, ...alive.values()]);
    return together([...all, ...own, this.starts()]).metrics();
  }

  private starts(): Metrics {
    const values = this.places.map(({ starts }, at) => ({ value: starts, labels: { worker: String(at) } }));
    return [{ name: `${OF_A_WORKER}starts_total`, help: 'Workers that have begun in this place', type: 'counter', aggregator: 'sum', values }];
  }
}

function together(metrics: readonly Metrics[]) {
  return promClient().AggregatorRegistry.aggregate(metrics);
}
