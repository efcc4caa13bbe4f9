import { h, table } from './dom.js';
import { count, duration } from './format.js';
import type { History } from './history.js';
import { spark } from './spark.js';

/** Lines of what waits in line, with their lengths over time. */
export function drawQueues(into: HTMLElement, history: History): void {
  const { latest } = history;
  if (!latest) return;
  const { queues, servers } = latest;
  const lengths = (label: string) =>
    history.values((update) => update.queues.find((queue) => queue.label === label)?.length ?? 0);
  const longest = [...queues].sort((a, b) => Number(b.oldest < 0) - Number(a.oldest < 0) || b.length - a.length);
  into.replaceChildren(
    table('queues', ['waits for', 'call', '#length', 'over time', '#longest wait', 'state'],
      longest.map(({ kind, label, length, oldest, about }) => [
        label, oldest < 0 ? '' : kind, count(length), spark(lengths(label), `length of ${label} over time`),
        oldest < 0 ? '' : duration(oldest), about,
      ])),
    ...(servers.length > 0 ? [
      h('h2', {}, 'Servers'),
      table('servers', ['address', '#connections', '#requests', '#in the backlog', '#refused'],
        servers.map(({ address, connections, requests, backlog, shed }) =>
          [address, count(connections), count(requests), count(backlog), count(shed)])),
    ] : []),
  );
}
