/** A machine in simulated time, for admission: a processor, threads of a pool, and memory with a limit. */
import { Mutex, Semaphore, sleep, spawn } from 'stackful';
import { native } from '../../../lib/internal/native.js';
import { Gate } from '../../../lib/schedule/admission/gate.js';
import type { Meters } from '../../../lib/schedule/admission/meters.js';

const THREADS = 4;
/** How often memory is collected, in milliseconds. */
const COLLECTED_MS = 50;

/** Numbers from 0 to 1 that are the same in every run. */
export function numbers(): () => number {
  let seed = 1;
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

export interface Offered {
  /** Requests a second, at random moments. */
  rate: number;
  /** Runs one. */
  run: (machine: Machine) => void;
  from?: number;
  to?: number;
}

export class Machine {
  readonly gate: Gate;
  /** The most of memory's limit that was used. */
  mostMemory = 0;
  /** The most jobs that have waited for a thread of the pool. */
  mostJobs = 0;
  private busy = 0;
  private busySince: number | undefined;
  private wanting = 0;
  private used = 0;
  private jobs = { jobs: 0, waited: 0, served: 0, servedBy: new Array<number>(64).fill(0) };
  private readonly processor = new Mutex();
  private readonly threads = new Semaphore(THREADS);

  constructor() {
    const began = native.now();
    const meters: Meters = {
      now: () => native.now(),
      idle: () => native.now() - began - this.busy - (this.busySince === undefined ? 0 : native.now() - this.busySince),
      // Who asks needs the processor, too.
      ready: () => {
        this.processor.withLock(() => undefined);
        return this.wanting;
      },
      threads: THREADS,
      pool: () => ({ ...this.jobs, servedBy: [...this.jobs.servedBy] }),
      charge: () => -1,
      memory: () => ({ full: Math.floor(native.now() / COLLECTED_MS), collecting: 0, live: this.used }),
      stop: () => undefined,
    };
    this.gate = new Gate(meters);
  }

  /** Keeps the processor for so long. */
  compute(ms: number): void {
    this.wanting++;
    this.processor.withLock(() => {
      this.wanting--;
      this.busySince = native.now();
      sleep(ms);
      this.busySince = undefined;
      this.busy += ms;
    });
  }

  /** Keeps a thread of the pool for so long, for the edge. */
  job(edge: string, ms: number): void {
    const submitted = native.now();
    this.mostJobs = Math.max(this.mostJobs, ++this.waitingJobs);
    this.threads.withPermit(() => {
      this.waitingJobs--;
      this.jobs.waited += native.now() - submitted;
      sleep(ms);
      this.jobs.served += ms;
      this.jobs.servedBy[this.gate.edge(edge).index]! += ms;
      this.jobs.jobs++;
    });
  }

  private waitingJobs = 0;

  /** Keeps a part of memory while it waits. */
  keep(part: number, wait: () => void): void {
    this.used += part;
    this.mostMemory = Math.max(this.mostMemory, this.used);
    wait();
    this.used -= part;
  }

  /** Offers units at edges until `end`; the result is how many of each were done within a second of their time, with when that was. */
  offer(offered: Readonly<Record<string, Offered>>, end: number, patience = 500): Record<string, number[]> {
    const done: Record<string, number[]> = {};
    const random = numbers();
    const all = Object.entries(offered).map(([name, { rate, run, from = 0, to = end }]) => {
      done[name] = [];
      return spawn(() => {
        const units = [];
        for (let due = from; due < to; due += (-1000 * Math.log(1 - random())) / rate) {
          sleep(Math.max(0, due - native.now()));
          units.push(spawn(() => {
            const unit = this.gate.enter('a unit', this.gate.edge(name), patience);
            if (!unit) return;
            run(this);
            this.gate.leave(unit);
            if (native.now() - due < 1000) done[name]!.push(native.now());
          }));
        }
        for (const unit of units) unit.join();
      });
    });
    for (const one of all) one.join();
    return done;
  }
}
