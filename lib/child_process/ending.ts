import { constants } from 'node:os';
import { readdirSync, readFileSync } from 'node:fs';

import { shield } from '../coroutine/shield.js';
import { sleep } from '../coroutine/sleep.js';
import { current } from '../internal/current.js';
import { childKill, childStatus, childWait, RUNNING } from './native.js';

const { SIGKILL } = constants.signals;
const FIRST_PAUSE_MS = 1;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LONGEST_PAUSE_MS = 32;
/** For a process in the middle of a system call that cannot be interrupted; the reaper waits longer. */
const LAST_WAIT_MS = 1000;

/** A process that is no child of this one, known by its number and the moment of its start. */
class Descendant {
  private readonly born: string | undefined;

  constructor(readonly pid: number) {
    this.born = lifeOf(pid)?.born;
  }

  /** A zombie does not: where process 1 reaps nobody, as in many containers, some stay for ever. */
  get runs(): boolean {
    const life = lifeOf(this.pid);
    return life !== undefined && life.born === this.born && !/[ZX]/.test(life.state);
  }

  signal(number: number): void {
    try {
      if (this.runs) process.kill(this.pid, number);
    } catch {
      // It has ended just now, or has become another user's.
    }
  }
}

function lifeOf(pid: number): { state: string; born: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // The name, in parentheses, may contain anything; state is the first word behind it, the start the 20th.
    const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: words[0]!, born: words[19]! };
  } catch {
    return undefined;
  }
}

/** All processes that descend from `pid`, except those whose parent has ended. */
function descendantsOf(pid: number): Descendant[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${String(pid)}/task`);
  } catch {
    return []; // it has ended
  }
  return threads.flatMap((thread) => childrenOf(pid, thread)).flatMap((child) => [new Descendant(child), ...descendantsOf(child)]);
}

function childrenOf(pid: number, thread: string): number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** A child with everything that it has started: its group if it leads one, and its descendants. */
export class Family {
  /** Nobody is left to descend from a process that has ended. */
  private readonly below: readonly Descendant[];

  /** @param child is kept as long as it may be sent signals: its handle ends with it */
  constructor(private readonly child: { readonly handle: number; readonly pid: number }) {
    this.below = this.childRuns ? descendantsOf(child.pid) : [];
  }

  signal(number: number): void {
    if (!this.signalGroup(number)) childKill(this.child.handle, number, false);
    for (const one of this.below) one.signal(number);
  }

  /**
   * Ends them: by `signal`, and by SIGKILL those that still run after `grace` milliseconds. Returns when the child and its descendants
   * have ended, which a cancellation does not hasten; at once if it is not to `wait`, or cannot. Parks.
   *
   * @returns whether that is all: otherwise some are sent SIGKILL later
   */
  end(signal: number, grace: number, wait = true): boolean {
    const until = performance.now() + grace;
    this.signal(signal);
    if (!wait || !current()) {
      later(grace, () => { this.signal(SIGKILL); });
      return false;
    }
    shield(() => {
      if (this.endsWithin(grace)) return;
      this.signal(SIGKILL);
      this.endsWithin(LAST_WAIT_MS);
    });
    // Who is in the group and descends from nobody there cannot be waited for.
    const left = until - performance.now();
    if (left <= 0 || !this.signalGroup(0)) return true;
    later(left, () => { this.signalGroup(SIGKILL); });
    return false;
  }

  private get childRuns(): boolean {
    return childStatus(this.child.handle) === RUNNING;
  }

  private get running(): boolean {
    return this.childRuns || this.below.some(({ runs }) => runs);
  }

  /** False: it leads no group, or nobody is left there. */
  private signalGroup(number: number): boolean {
    return childKill(this.child.handle, number, true) === 0;
  }

  /** Waits for at most `ms`. Parks. */
  private endsWithin(ms: number): boolean {
    const until = performance.now() + ms;
    for (let left = ms; this.childRuns; left = until - performance.now()) {
      if (left <= 0 || childWait(this.child.handle, undefined, left) < 0) return !this.running;
    }
    // Nobody tells the end of a grandchild.
    for (let pause = FIRST_PAUSE_MS; this.running; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      if (performance.now() >= until) return false;
      sleep(pause);
    }
    return true;
  }
}

/** Calls `action` after `ms`, without keeping the process alive, unless the function that it returns is called before. */
export function later(ms: number, action: () => void): () => void {
  // What is longer (Infinity is) a timer takes for 1 ms.
  if (ms > LONGEST_TIMER_MS) return () => undefined;
  const timer = setTimeout(action, ms).unref();
  return () => { clearTimeout(timer); };
}
