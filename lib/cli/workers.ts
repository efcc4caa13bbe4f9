/**
 * `stackful serve --workers N`: N processes, each with a listening socket of its own on the port (SO_REUSEPORT), over
 * which the kernel spreads connections.
 *
 * They are processes and not threads, because each drains and ends by itself, with its own deadline; a crash ends one and not
 * all; and each has its own limit on descriptors. The sockets belong to the parent. It passes one to each worker and keeps it
 * open, so that connections waiting there outlive a worker that crashes, or that SIGHUP replaces: so a new version starts
 * without a refused connection.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

import type { ServerStats } from '../http.js';
import type { Metrics } from '../inspect/metrics.js';
import type { WorkerMetrics } from '../inspect/worker_metrics.js';
import { CliError } from './errors.js';

/** A worker's descriptor of its socket, after stdin, stdout, stderr and the channel. */
export const WORKER_FD = 4;
/** A worker that ends sooner has failed to start: the pause before the next one doubles each time. In milliseconds. */
const SHORT_LIFE_MS = 5_000;
/** A worker that does not hear of its end in this time hangs, in milliseconds. */
const HANGING_MS = 2_000;
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** A message from a worker. */
export type FromWorker = { ready: true } | { closed: true } | { failed: string } | { stats: ServerStats; metrics: Metrics | undefined };
/** A message to a worker: drain and end. Times in milliseconds. */
export type ToWorker = { drain: true; deadline: number; idle: number };

/** The sockets of the workers: SharedPort, or InheritedPort. */
export interface WorkersPort {
  /** One for each. */
  readonly fds: readonly number[];
  /** `stop` lets the workers of these sockets accept what waits in them, and close their descriptors. */
  handOver(stop: (fds: readonly number[]) => Promise<unknown>): Promise<void>;
}

interface Slot {
  readonly index: number;
  readonly fd: number;
  worker: Worker | undefined;
  failures: number;
}

interface Worker {
  /** Of its socket. */
  readonly fd: number;
  readonly child: ChildProcess;
  readonly started: number;
  readonly ready: Promise<void>;
  /** Resolves when its descriptor of the socket is closed: it no longer accepts, or has ended. */
  readonly closed: Promise<void>;
  stats: ServerStats | undefined;
  draining: boolean;
}

export class Workers {
  private readonly slots: Slot[];
  private readonly all = new Set<Worker>();
  /** The sums of workers that have ended. */
  private past = { accepted: 0, requests: 0, shed: 0, bytesReceived: 0, bytesSent: 0 };
  private ending = false;

  /** @param args the command line of a worker, from the program's name on */
  constructor(
    private readonly port: WorkersPort,
    private readonly metrics: WorkerMetrics,
    private readonly args: readonly string[],
  ) {
    this.slots = port.fds.map((fd, index) => ({ index, fd, worker: undefined, failures: 0 }));
  }

  /** Starts the workers; resolves when all of them serve. */
  async start(): Promise<void> {
    await Promise.all(this.slots.map((slot) => this.startIn(slot).ready));
  }

  /** Replaces every worker by a new one, which listens before the old one drains. */
  async reload(deadline: number, idle: number): Promise<void> {
    for (const slot of this.slots) {
      if (this.ending) return;
      const old = slot.worker;
      await this.startIn(slot, true).ready;
      if (old) this.drain(old, deadline, idle);
    }
  }

  /** Drains the workers, which apply the deadline; resolves when all have ended. */
  async end(deadline: number, idle: number): Promise<void> {
    this.ending = true;
    const ended = [...this.all].map(({ child }) => new Promise((resolve) => child.once('close', resolve)));
    await this.port.handOver(async (fds) => {
      const workers = [...this.all].filter((worker) => fds.includes(worker.fd));
      for (const worker of workers) this.drain(worker, deadline, idle);
      // A worker that hangs does not keep the others from draining. It is killed later.
      await Promise.race([Promise.all(workers.map((worker) => worker.closed)), delay(HANGING_MS)]);
    });
    await Promise.all(ended);
  }

  /** Ends all workers at once, and starts none again. */
  kill(): void {
    this.ending = true;
    for (const { child } of this.all) child.kill('SIGKILL');
  }

  /** The process ids of the workers that serve, or begin to. */
  get pids(): number[] {
    return this.slots.flatMap(({ worker }) => (worker?.child.pid === undefined ? [] : [worker.child.pid]));
  }

  get stats(): ServerStats {
    const sum = { connections: 0, ...this.past };
    for (const { stats } of this.all) {
      if (!stats) continue;
      sum.connections += stats.connections;
      for (const name of Object.keys(this.past) as (keyof typeof this.past)[]) sum[name] += stats[name];
    }
    return sum;
  }

  private drain(worker: Worker, deadline: number, idle: number): void {
    worker.draining = true;
    const message: ToWorker = { drain: true, deadline, idle };
    if (worker.child.connected) worker.child.send(message);
  }

  private startIn(slot: Slot, replacing = false): Worker {
    const child = spawn(process.execPath, [...process.execArgv, ...this.args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', slot.fd],
    });
    let noteClosed: () => void;
    const closed = new Promise<void>((resolve) => (noteClosed = resolve));
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if ('ready' in message) {
          slot.worker = worker;
          resolve();
        } else if ('failed' in message) {
          reject(new CliError(message.failed));
        } else if ('closed' in message) {
          noteClosed();
        } else {
          worker.stats = message.stats;
          if (message.metrics) this.metrics.note(slot.index, child.pid!, message.metrics);
        }
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        noteClosed();
        const how = signal ?? `exit code ${String(code)}`;
        reject(new CliError(`worker ${String(child.pid)} ended before it served (${how})`));
        this.ended(slot, worker, how, replacing);
      });
    });
    // `start` and `reload` handle a failure; without them it must not be an unhandled rejection.
    ready.catch(() => undefined);
    const worker: Worker = { fd: slot.fd, child, started: Date.now(), ready, closed, stats: undefined, draining: false };
    this.all.add(worker);
    if (!replacing) slot.worker = worker;
    return worker;
  }

  /** Starts another worker in place of one that has ended without being told to. */
  private ended(slot: Slot, worker: Worker, how: string, replacing: boolean): void {
    this.all.delete(worker);
    if (worker.child.pid !== undefined) this.metrics.ended(slot.index, worker.child.pid);
    for (const name of Object.keys(this.past) as (keyof typeof this.past)[]) this.past[name] += worker.stats?.[name] ?? 0;
    if (this.ending || worker.draining || (replacing && slot.worker !== worker)) return;
    slot.failures = Date.now() - worker.started < SHORT_LIFE_MS ? slot.failures + 1 : 0;
    const pause = slot.failures === 0 ? 0 : Math.min(PAUSE_MS * 2 ** slot.failures, LONGEST_PAUSE_MS);
    console.error(`stackful: worker ${String(worker.child.pid)} has ended (${how}); another one starts in ${String(pause)} ms`);
    setTimeout(() => { if (!this.ending) this.startIn(slot); }, pause);
  }
}
