import type { Update } from '../wire.js';

/** So many updates are kept: ten minutes. */
const MOST = 600;

/** The figures of one process over time. */
export class History {
  readonly updates: Update[] = [];

  add(update: Update): void {
    // The process was started anew.
    if (update.time < (this.latest?.time ?? 0)) this.updates.length = 0;
    this.updates.push(update);
    if (this.updates.length > MOST) this.updates.shift();
  }

  get latest(): Update | undefined {
    return this.updates.at(-1);
  }

  /** One figure of each update. */
  values(value: (update: Update) => number): number[] {
    return this.updates.map(value);
  }

  /** How much a counter grew by in a second, at each update; the first has no rate. */
  rates(counter: (update: Update) => number): (number | null)[] {
    return this.updates.map((update, i) => {
      const before = this.updates[i - 1];
      if (!before) return null;
      const seconds = (update.time - before.time) / 1_000;
      return seconds > 0 ? Math.max(counter(update) - counter(before), 0) / seconds : null;
    });
  }

  /** Seconds before now. */
  get times(): number[] {
    const now = this.latest?.time ?? 0;
    return this.updates.map(({ time }) => (time - now) / 1_000);
  }
}

export const requestsOf = (update: Update): number => update.servers.reduce((sum, { requests }) => sum + requests, 0);
export const connectionsOf = (update: Update): number => update.servers.reduce((sum, { connections }) => sum + connections, 0);
