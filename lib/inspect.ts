import { coroutines } from './coroutine.js';
import { native } from './internal/native.js';

/** Counters of this thread's runtime. Sizes in bytes. */
export interface RuntimeStats {
  live: number;
  peak: number;
  ready: number;
  spawned: number;
  finished: number;
  /** Changes of stack, those to and from the main stack included. */
  switches: number;
  parks: number;
  polls: number;
  /** Coroutines waiting for a socket, a timer or the disk: they keep the process alive. */
  externalWaits: number;
  openSockets: number;
  diskJobs: number;
  stacksLive: number;
  stacksPooled: number;
  /** Stacks that scavenges skip, because they refer to nothing that one could move. */
  stacksQuiet: number;
  stackBytesReserved: number;
}

export function stats(): RuntimeStats {
  return native.stats() as unknown as RuntimeStats;
}

/** A text about every live coroutine: what it is called, what it waits for, and its JavaScript stack. */
export function dump(): string {
  return coroutines()
    .map((c) => {
      const name = c.name ? ` ${c.name}` : '';
      const waiting = c.parkedOn === undefined ? '' : ` on ${c.parkedOn}`;
      const stack = c.stack();
      return `#${String(c.id)}${name}: ${c.state}${waiting}${stack ? `\n${stack}` : ''}`;
    })
    .join('\n');
}
