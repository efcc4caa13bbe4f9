import { table } from './dom.js';
import { bytes, count, duration, percent, rate } from './format.js';
import { connectionsOf, History, requestsOf } from './history.js';
import { spark } from './spark.js';
import type { Update } from '../wire.js';

/** The processes of one server side by side, a row each and one for all. */
export class WorkersView {
  private readonly histories = new Map<number, History>();

  add(updates: readonly Update[]): void {
    const alive = new Set(updates.map(({ pid }) => pid));
    for (const pid of this.histories.keys()) if (!alive.has(pid)) this.histories.delete(pid);
    for (const update of updates) {
      let history = this.histories.get(update.pid);
      if (!history) this.histories.set(update.pid, (history = new History()));
      history.add(update);
    }
  }

  get pids(): number[] {
    return [...this.histories.keys()].sort((a, b) => a - b);
  }

  draw(into: HTMLElement): void {
    const all = this.pids.map((pid) => this.histories.get(pid)!);
    const rates = all.map((history) => history.rates(requestsOf));
    const latest = all.map((history) => history.latest!);
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const rows = latest.map((update, i) => [
      String(update.pid), rate(rates[i]!.at(-1) ?? 0), spark(rates[i]!, `requests of ${String(update.pid)} over time`),
      count(connectionsOf(update)), count(update.live), count(update.ready), percent(update.busy), duration(update.loopLag),
      bytes(update.rss), duration(update.uptime),
    ]);
    const total = (of: (update: Update) => number) => count(sum(latest.map(of)));
    rows.push([
      'all', rate(sum(rates.map((own) => own.at(-1) ?? 0))), '', total(connectionsOf), total((u) => u.live), total((u) => u.ready),
      '', '', bytes(sum(latest.map((u) => u.rss))), '',
    ]);
    into.replaceChildren(table('workers',
      ['process', '#requests', 'over time', '#connections', '#coroutines', '#ready', '#busy', '#timers late', '#memory', '#up'], rows,
      (i) => (i === latest.length ? 'sum' : '')));
  }
}
