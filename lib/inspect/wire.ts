/** What the inspector sends its page; types only, which the page imports, too. Times in milliseconds, sizes in bytes. */

/** A place of the program where coroutines park. */
export interface BlockingPoint {
  /** Its number, for as long as the recording goes on. */
  id: number;
  /** What they park on there, such as `mutex.lock`; `start` and `end` are where coroutines begin and end. */
  kind: string;
  /** The function that makes the call, such as `checkout`; what the library waits for where no code of the program does. */
  name: string;
  /** `orders.js:12`; '' in the library. */
  place: string;
  /** The caller's place, where several callers share this one. */
  via: string;
  /** How many coroutines are parked there now. Estimated where there are thousands. */
  parked: number;
  /** For how long the one that has been there longest. */
  oldest: number;
  /** How many of them are in a deadlock. */
  deadlocked: number;
  /** Parks a second, while a recording goes on. */
  rate: number;
  /** How long a park lasts there, on average of the last seconds. */
  wait: number;
  /** How much of its stack a coroutine uses there. */
  depth: number;
}

/** The code that coroutines run from one blocking point to the next. */
export interface BlockingPath {
  /** The id of the point where it begins. */
  from: number;
  /** The id of the point where it ends. */
  to: number;
  /** How often a second coroutines go that way. */
  rate: number;
  /** How long such a run takes, on average of the last seconds. */
  run: number;
  /** How long the park before it lasted. */
  wait: number;
}

/** Coroutines that wait for one thing. */
export interface QueueState {
  kind: string;
  /** `Mutex #3 accounts`, `run queue`. */
  label: string;
  length: number;
  /** For how long the first has waited; -1: unknown. */
  oldest: number;
  /** Who holds it; what a channel has in store. */
  about: string;
}

/** A coroutine that is ready; see `ReadyCoroutine`. */
export interface ReadyState {
  id: number;
  name: string;
  /** In words. */
  reason: string;
  readyFor: number;
  /** What it was parked on last. */
  after: string;
}

/** A coroutine with `importance: 'low'`; see `LowImportance`. */
export interface LowImportanceState {
  id: number;
  name: string;
  state: 'suspended' | 'waiting' | 'working';
  suspendedFor?: number;
  suspension?: number;
  rate?: number;
  target?: number;
}

/** Who runs next, and why; see `runQueue`. */
export interface RunQueueState {
  policy: string;
  policyName: string;
  ready: number;
  next: ReadyState[];
  groups: { name: string; weight: number; ran: number; virtualTime: number }[];
  lowImportance: LowImportanceState[];
}

/** The times of handlers of one route since the viewer came. */
export interface RouteTimes {
  /** `GET /users/:id`. */
  route: string;
  /** How many requests, estimated where not all are timed. */
  requests: number;
  failures: number;
  rate: number;
  p50: number;
  p95: number;
  p99: number;
  /** How many requests took up to 2 ** (i / 2 - 10) milliseconds, and longer than the bucket before. */
  buckets: number[];
}

export interface ServerState {
  address: string;
  connections: number;
  requests: number;
  /** Connections that the kernel has taken and the server has not. */
  backlog: number;
  shed: number;
}

/** One message to the page. */
export interface Update {
  /** On the clock of the process, `performance.now()`. */
  time: number;
  pid: number;
  thread: number;
  uptime: number;
  live: number;
  peak: number;
  ready: number;
  /** Counts since the start. */
  parks: number;
  switches: number;
  spawned: number;
  loopLag: number;
  /** The share of time, 0 to 1, in which the loop was not idle since the last update. */
  busy: number;
  diskJobs: number;
  timers: number;
  sockets: number;
  holds: number;
  rss: number;
  heap: number;
  external: number;
  stackReserved: number;
  stackResident: number;
  stacksPooled: number;
  points: BlockingPoint[];
  paths: BlockingPath[];
  queues: QueueState[];
  servers: ServerState[];
  routes: RouteTimes[];
  deadlocks: string[];
  /** Missing in what is told of a process whose page is not shown. */
  runQueue?: RunQueueState;
}

/** A node of a flame graph. */
export interface Flame {
  name: string;
  /** `orders.js:12`, or ''. */
  place: string;
  /** Milliseconds, of itself and its children. */
  value: number;
  children: Flame[];
}

/** A coroutine in the details of a point. */
export interface ParkedCoroutine {
  id: number;
  name: string;
  parkedOn: string;
  parkedFor: number;
  deadlocked: boolean;
  holders: { id: number; name: string; state: string; parkedOn: string }[];
  stack: string;
  spawnedAt: string;
}

export interface PointDetails {
  point: BlockingPoint | undefined;
  /** Those that are there at this moment; a hundred at most. */
  coroutines: ParkedCoroutine[];
  /** A stack that has led there. */
  lastStack: string;
}

/** Whether requests may be recorded, and are. */
export interface RecordingState {
  allowed: boolean;
  recording: boolean;
}

/** A process that the page can show. */
export interface Peer {
  pid: number;
}
