/** Collects what each round measured and publishes the medians. */

import type { Row } from './bench.js';
import { measure } from './process.js';

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A load point, as in `{ connections: 64 }`. */
export type Point = Readonly<Record<string, number>>;

/** One measurement of one round; the shape that the measured programs print. */
export interface Sample {
  subject: string;
  metric: string;
  value: number;
  unit: string;
  at?: Point;
}

export class Samples {
  readonly #bench: string;
  readonly #series = new Map<string, { sample: Sample; values: number[] }>();

  constructor(bench: string) {
    this.#bench = bench;
  }

  add(sample: Sample): void {
    if (!Number.isFinite(sample.value)) {
      throw new TypeError(`${sample.subject} ${sample.metric}: ${sample.value} is not a measurement`);
    }
    const key = JSON.stringify([sample.subject, sample.metric, sample.at]);
    const series = this.#series.get(key);
    if (series) series.values.push(sample.value);
    else this.#series.set(key, { sample, values: [sample.value] });
  }

  /** One row for each series, in the order in which the series first appeared. */
  rows(): Row[] {
    return [...this.#series.values()].map(({ sample: { subject, metric, unit, at }, values }) => {
      // Six digits are more than any of these clocks is good for, and keep the JSON readable.
      const value = Number(median(values).toPrecision(6));
      return { bench: this.#bench, subject, metric, value, unit, ...at };
    });
  }
}

/**
 * The subjects in the order for `round`: every other round runs backwards, so that none is always measured
 * right after the same neighbour and slow drift of the machine cancels out.
 */
export function interleave<T>(subjects: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? subjects : [...subjects].reverse();
}

/** Runs the measuring programs of one round, each with `parameters` behind its command, and adds what they print. */
export async function measureRound(
  samples: Samples,
  commands: readonly (readonly string[])[],
  round: number,
  ...parameters: readonly (string | number)[]
): Promise<void> {
  for (const command of interleave(commands, round)) {
    (await measure<Sample[]>([...command, ...parameters.map(String)])).forEach((sample) => samples.add(sample));
  }
}
