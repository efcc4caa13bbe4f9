import { h, table } from './dom.js';
import { count, duration, percent, rate } from './format.js';
import type { History } from './history.js';
import { spark } from './spark.js';
import type { LowImportanceState, RunQueueState, Update } from '../wire.js';

/** What each policy runs next, and whose idea that is. */
const POLICIES: Readonly<Record<string, string>> = {
  fifo: 'the coroutine that has been ready for longest',
  priority: 'the coroutine with the highest priority; every 64th turn is for the last in line',
  connections: 'what serves connections before what accepts them; every 64th turn is for the last in line '
    + '(von Behren, Condit, Brewer, “Why Events Are A Bad Idea”, 2003)',
  accept: 'what accepts connections before what serves them; every 64th turn is for the last in line '
    + '(von Behren, Condit, Brewer, “Why Events Are A Bad Idea”, 2003)',
  bvt: 'a coroutine of the share whose virtual time is earliest; shown as if each turn took 0.1 ms '
    + '(Duda, Cheriton, “Borrowed-Virtual-Time scheduling”, 1999)',
  srpt: 'the coroutine that is nearest to its end; what it has waited counts for it '
    + '(Harchol-Balter, Schroeder, Bansal, Agrawal, “Size-based scheduling to improve web performance”, 2003)',
  application: 'what this object of the application chooses; the order of those that it holds is not known',
  simulation: 'what the schedule of the simulation says',
};

const nameOf = ({ id, name }: { id: number; name: string }) => (name === '' ? `#${String(id)}` : `#${String(id)} ${name}`);

/** The policy in force, who runs next and why, what groups have had, and what is kept away because it is less important. */
export function drawNext(into: HTMLElement, history: History): void {
  const queue = history.latest?.runQueue;
  if (!queue) return;
  into.replaceChildren(
    h('p', {}, 'Policy in force: ', h('b', { id: 'policy' }, queue.policyName), `. Next is ${POLICIES[queue.policy] ?? queue.policy}.`),
    h('p', { class: 'dim', role: 'status' }, countText(queue)),
    ...(queue.next.length > 0 ? [nextTable(queue)] : []),
    ...(queue.groups.length > 0 ? [h('h2', {}, 'Groups'), groupTable(queue, history)] : []),
    ...(queue.lowImportance.length > 0 ? [h('h2', {}, 'Low importance'), lowTable(queue.lowImportance)] : []),
  );
}

function countText({ ready, next }: RunQueueState): string {
  if (next.length === 0) return 'No coroutine was ready at this moment.';
  const all = ready === 1 ? 'One coroutine was' : `${count(ready)} coroutines were`;
  return `${all} ready at this moment${next.length < ready ? `; the first ${String(next.length)} are shown` : ''}.`;
}

function nextTable({ next }: RunQueueState): HTMLElement {
  return table('who runs next', ['#turn', 'coroutine', 'why', '#ready for', 'was parked on'], next.map((one, i) =>
    [String(i + 1), nameOf(one), one.reason, one.readyFor < 1 ? 'below 1 ms' : duration(Math.round(one.readyFor)), one.after]));
}

function groupTable({ groups }: RunQueueState, history: History): HTMLElement {
  const all = groups.reduce((sum, { ran }) => sum + ran, 0);
  return table('groups', ['group', '#weight', '#has run', '#of all groups', '#of the thread now', 'over time', '#virtual time'],
    groups.map((group, i) => {
      const ran = (update: Update) => update.runQueue?.groups.find(({ name }) => name === group.name)?.ran ?? 0;
      // Groups of one name cannot be told apart between two messages.
      const alone = groups.findIndex(({ name }) => name === group.name) === i;
      const shares = alone ? history.rates(ran).map((ms) => (ms === null ? null : ms / 1_000)) : [];
      return [
        group.name, count(group.weight), duration(group.ran), all > 0 ? percent(group.ran / all) : '',
        alone ? percent(shares.at(-1) ?? 0) : '',
        alone ? spark(shares, `share of ${group.name} over time`) : '', duration(group.virtualTime),
      ];
    }));
}

function lowTable(states: readonly LowImportanceState[]): HTMLElement {
  return table('low importance', ['coroutine', 'state', '#progress', '#slow below'], states.map((one) => [
    nameOf(one), stateText(one), one.rate === undefined ? 'none yet' : rate(one.rate),
    one.target === undefined ? 'being learned' : rate(one.target),
  ]));
}

function stateText({ state, suspendedFor = 0, suspension = 0 }: LowImportanceState): string {
  if (state === 'waiting') return 'waits for its turn among those of low importance';
  if (state === 'working') return 'works';
  return `suspended by regulation for ${duration(suspendedFor)} of ${duration(suspension)}, because it was slow`;
}
