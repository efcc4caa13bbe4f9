/**
 * `stackful serve --workers N`: N processes, each with a listening socket of its own on the port (SO_REUSEPORT), over
 * which the kernel spreads connections.
 *
 * Processes and not threads: each ends by itself, with its own drain and its own deadline; a crash takes one of them
 * along and not all; and the limit on descriptors is theirs. The sockets belong to the process that starts them. It hands
 * each worker one and keeps it open, so that connections that wait there outlive any worker: one that crashed, or one
 * that SIGHUP replaces, which is how a new version is put in place without a refused connection.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

import type { ServerStats } from '../http.js';
import { CliError } from './errors.js';

/** Where a worker finds its socket: behind stdin, stdout, stderr and the channel. */
export const WORKER_FD = 4;
/** A worker that lives for less has failed to start; the next one has to wait, longer each time, in milliseconds. */
const SHORT_LIFE_MS = 5_000;
/** How long a handshake may take that began before the kernel was told of the hand-over, in milliseconds. */
const STEERED_MS = 250;
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** What a worker tells. */
export type FromWorker = { ready: true } | { closed: true } | { failed: string } | { stats: ServerStats };
/** What it is told: to drain and end. */
export type ToWorker = { drain: true; deadline: number; idle: number };

interface Slot {
  readonly fd: number;
  worker: Worker | undefined;
  failures: number;
}

interface Worker {
  readonly child: ChildProcess;
  readonly started: number;
  readonly ready: Promise<void>;
  /** It does not accept any more. */
  readonly closed: Promise<void>;
  stats: ServerStats | undefined;
  draining: boolean;
}

export class Workers {
  private readonly slots: Slot[];
  private readonly all = new Set<Worker>();
  /** Of workers that have ended. */
  private past = { accepted: 0, requests: 0, shed: 0, bytesReceived: 0, bytesSent: 0 };
  private ending = false;

  /** @param args the command line of a worker, from the program's name on */
  constructor(
    fds: readonly number[],
    private readonly args: readonly string[],
  ) {
    this.slots = fds.map((fd) => ({ fd, worker: undefined, failures: 0 }));
  }

  /** Until every worker serves. */
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

  /** Until all have ended. The deadline is theirs. */
  async end(deadline: number, idle: number): Promise<void> {
    this.ending = true;
    const ended = [...this.all].map(({ child }) => new Promise((resolve) => child.once('close', resolve)));
    const { closeAll, steerAway } = await import('./hand_over.js');
    const fds = this.slots.map(({ fd }) => fd);
    const steered = steerAway(fds);
    // Handshakes under way end where they began: the workers still accept.
    if (steered) await delay(STEERED_MS);
    for (const worker of this.all) this.drain(worker, deadline, idle);
    await Promise.race([Promise.all([...this.all].map((worker) => worker.closed)), delay(STEERED_MS)]);
    closeAll(fds, steered);
    await Promise.all(ended);
  }

  /** On the spot, and for good. */
  kill(): void {
    this.ending = true;
    for (const { child } of this.all) child.kill('SIGKILL');
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
        }
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        const how = signal ?? `exit code ${String(code)}`;
        reject(new CliError(`worker ${String(child.pid)} ended before it served (${how})`));
        this.ended(slot, worker, how, replacing);
      });
    });
    // Told to whoever waits for it, and to nobody else.
    ready.catch(() => undefined);
    const worker: Worker = { child, started: Date.now(), ready, closed, stats: undefined, draining: false };
    this.all.add(worker);
    if (!replacing) slot.worker = worker;
    return worker;
  }

  /** A worker that has ended without being told to has a successor. */
  private ended(slot: Slot, worker: Worker, how: string, replacing: boolean): void {
    this.all.delete(worker);
    for (const name of Object.keys(this.past) as (keyof typeof this.past)[]) this.past[name] += worker.stats?.[name] ?? 0;
    if (this.ending || worker.draining || (replacing && slot.worker !== worker)) return;
    slot.failures = Date.now() - worker.started < SHORT_LIFE_MS ? slot.failures + 1 : 0;
    const pause = slot.failures === 0 ? 0 : Math.min(PAUSE_MS * 2 ** slot.failures, LONGEST_PAUSE_MS);
    console.error(`stackful: worker ${String(worker.child.pid)} has ended (${how}); another one starts in ${String(pause)} ms`);
    setTimeout(() => { if (!this.ending) this.startIn(slot); }, pause);
  }
}
