import type { ServerStats } from '../http.js';

const LIVE_MS = 1_000;
const LOGGED_MS = 10_000;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function bytes(n: number): string {
  let unit = 0;
  for (; n >= 1000 && unit < UNITS.length - 1; unit++) n /= 1000;
  return `${n.toFixed(unit > 0 && n < 10 ? 1 : 0)} ${UNITS[unit]!}`;
}

/** A line about the time between two readings of the counters. */
export function statisticsLine(before: ServerStats, now: ServerStats, seconds: number): string {
  const refused = now.shed - before.shed;
  const perSecond = (count: number) => count / seconds;
  return [
    `${String(now.connections)} connections`,
    `${perSecond(now.requests - before.requests).toFixed(0)} requests/s${refused > 0 ? ` (${perSecond(refused).toFixed(0)} refused)` : ''}`,
    `${bytes(perSecond(now.bytesSent - before.bytesSent))}/s out`,
    `${bytes(perSecond(now.bytesReceived - before.bytesReceived))}/s in`,
    `${String(now.requests)} requests so far`,
  ].join(', ');
}

function changed(a: ServerStats, b: ServerStats): boolean {
  return a.requests !== b.requests || a.accepted !== b.accepted || a.connections !== b.connections;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** On a terminal, rewrites one line each second; otherwise prints a line every ten seconds if the counters changed. */
export function showStatistics(server: { readonly stats: ServerStats }, output: Output): { stop(): void } {
  const live = output.isTTY === true;
  let before = server.stats;
  let time = performance.now();
  const timer = setInterval(() => {
    const now = server.stats;
    const at = performance.now();
    const line = statisticsLine(before, now, (at - time) / 1000);
    if (live) output.write(`\r${line.slice(0, (output.columns ?? 80) - 1)}\x1b[K`);
    else if (changed(before, now)) output.write(`${line}\n`);
    before = now;
    time = at;
  }, live ? LIVE_MS : LOGGED_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      if (live) output.write('\n');
    },
  };
}
