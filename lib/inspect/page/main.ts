import { ChartsView } from './charts.js';
import { CoroutinesView } from './coroutines.js';
import { drawDetails } from './details.js';
import { byId, h } from './dom.js';
import { FlameView } from './flames.js';
import { duration } from './format.js';
import { GraphView } from './graph.js';
import { History } from './history.js';
import { drawLatency } from './latency.js';
import { drawNext } from './next.js';
import { drawQueues } from './queues.js';
import { startRecordButton, startRequestsButton } from './record.js';
import { Tabs } from './tabs.js';
import { startTheme } from './theme.js';
import { drawTiles } from './tiles.js';
import { WorkersView } from './workers.js';
import type { Flame, Peer, PointDetails, Update } from '../wire.js';

/** How long the pauses between profiles are, and each profile, in seconds. */
const PROFILE_S = 1;

const history = new History();
const tabs = new Tabs();
const charts = new ChartsView();
const coroutines = new CoroutinesView();
const workers = new WorkersView();
const waiting = new FlameView(
  'Where coroutines wait', 'Stacks of parked coroutines, by time, since this page was opened. Innermost: what they wait for.', 'waiting',
);
const running = new FlameView('Where code runs', `V8's CPU profile of the last second; only while this view is open.`, 'running');

let pid: number | undefined;
let stream: EventSource | undefined;
let paused = false;
let selected: number | undefined;

/** The address of something about the process that is shown. */
function about(path: string, query: Readonly<Record<string, string | number>> = {}): string {
  const given = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  if (pid !== undefined) given.set('pid', String(pid));
  return given.size > 0 ? `${path}?${given.toString()}` : path;
}

async function get<T>(path: string, query?: Readonly<Record<string, string | number>>): Promise<T | undefined> {
  const response = await fetch(about(path, query)).catch(() => undefined);
  return response?.ok ? ((await response.json()) as T) : undefined;
}

const graph = new GraphView((id) => { void select(graph.selected === id ? undefined : id); });

async function select(id: number | undefined): Promise<void> {
  selected = graph.selected = id;
  byId('details').hidden = id === undefined;
  tabs.update();
  await refreshDetails();
}

async function refreshDetails(): Promise<void> {
  const id = selected;
  if (id === undefined) return;
  const details = await get<PointDetails>('point.json', { id });
  if (details && id === selected) drawDetails(details, () => { void select(undefined); });
}

/** Asks again and again while the view is open. */
function polled(ask: () => Promise<void>, pauseMs: number): { open(): void; close(): void } {
  let turn = 0;
  return {
    open() {
      const mine = ++turn;
      void (async () => {
        while (mine === turn) {
          if (!paused) await ask();
          await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
        }
      })();
    },
    close() { turn++; },
  };
}

const waitingPoll = polled(async () => {
  const flame = await get<Flame>('waiting.json');
  if (flame) waiting.show(flame);
}, 2_000);
const runningPoll = polled(async () => {
  const flame = await get<Flame>('running.json', { seconds: PROFILE_S });
  if (flame) running.show(flame);
}, 250);
const coroutinesPoll = polled(async () => {
  const listed = await get<Parameters<typeof coroutines.show>[0]>('coroutines.json');
  if (listed) coroutines.show(listed);
}, 2_000);

function withLatest(draw: (into: HTMLElement, latest: Update) => void): (into: HTMLElement) => void {
  return (into) => { if (history.latest) draw(into, history.latest); };
}

const drawGraph = withLatest((into, latest) => { graph.draw(into, latest); });
const drawTimes = withLatest((into, latest) => { drawLatency(into, latest.routes); });
const drawTurns = (into: HTMLElement) => { drawNext(into, history); };
const drawLines = (into: HTMLElement) => { drawQueues(into, history); };

tabs.add({ id: 'graph', title: 'Blocking graph', open: drawGraph, update: drawGraph, close: () => { void select(undefined); } });
tabs.add({ id: 'queues', title: 'Queues', open: drawLines, update: drawLines });
tabs.add({ id: 'next', title: 'Who runs next', open: drawTurns, update: drawTurns });
tabs.add({ id: 'latency', title: 'Latency', open: drawTimes, update: drawTimes });
tabs.add({
  id: 'flames', title: 'Flame graphs',
  open: (into) => {
    const both = h('div', { class: 'flames' });
    into.append(both);
    waiting.attach(both);
    running.attach(both);
    waitingPoll.open();
    runningPoll.open();
  },
  close: () => {
    waitingPoll.close();
    runningPoll.close();
  },
});
tabs.add({ id: 'time', title: 'Over time', open: (into) => { charts.attach(into, history); }, update: () => { charts.update(history); } });
tabs.add({
  id: 'coroutines', title: 'Coroutines',
  open: (into) => {
    coroutines.attach(into);
    coroutinesPoll.open();
  },
  close: () => { coroutinesPoll.close(); },
});

function say(text: string, bad = false): void {
  const where = byId('where');
  where.textContent = text;
  where.className = bad ? 'bad' : '';
}

function receive(update: Update): void {
  history.add(update);
  if (paused) return;
  say(`process ${String(update.pid)}${update.thread > 0 ? `, thread ${String(update.thread)}` : ''}, up ${duration(update.uptime)}`);
  const alarm = byId('alarm');
  alarm.hidden = update.deadlocks.length === 0;
  alarm.replaceChildren(...update.deadlocks.map((message) => h('p', {}, `Deadlock: ${message}`)));
  drawTiles(history);
  tabs.update();
  void refreshDetails();
}

function connect(): void {
  stream?.close();
  stream = new EventSource(about('events'));
  stream.addEventListener('message', ({ data }) => { receive(JSON.parse(data as string) as Update); });
  stream.addEventListener('error', () => { say('no answer; trying again …', true); });
}

/** What there is besides when several processes serve together. */
async function findPeers(): Promise<void> {
  const peers = await get<Peer[]>('peers.json');
  if (!peers || peers.length === 0) return;
  pid = peers[0]?.pid;
  const choice = byId<HTMLSelectElement>('pid');
  byId('peer').hidden = false;
  choice.addEventListener('change', () => {
    pid = Number(choice.value);
    history.updates.length = 0;
    void select(undefined);
    connect();
  });
  tabs.add({ id: 'workers', title: 'Workers', open: (into) => { workers.draw(into); }, update: (into) => { workers.draw(into); } });
  const all = new EventSource('peers');
  all.addEventListener('message', ({ data }) => {
    workers.add(JSON.parse(data as string) as Update[]);
    const { pids } = workers;
    if (pids.join() !== [...choice.options].map(({ value }) => value).join()) {
      choice.replaceChildren(...pids.map((each) => h('option', { value: each, selected: each === pid }, String(each))));
    }
    // The one that was shown has ended.
    if (pid !== undefined && pids.length > 0 && !pids.includes(pid)) {
      pid = pids[0];
      connect();
    }
  });
}

startTheme(() => { tabs.reopen(); });
startRecordButton(about);
byId('pause').addEventListener('click', ({ currentTarget }) => {
  paused = !paused;
  const button = currentTarget as HTMLButtonElement;
  button.setAttribute('aria-pressed', String(paused));
  button.textContent = paused ? 'Go on' : 'Pause';
});
addEventListener('keydown', ({ key }) => { if (key === 'Escape') void select(undefined); });
addEventListener('resize', () => { tabs.reopen(); });
await findPeers();
connect();
await startRequestsButton(about);

export {};
