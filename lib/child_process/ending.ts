import { constants } from 'node:os';

import { shield } from '../coroutine/shield.js';
import { sleep } from '../coroutine/sleep.js';
import { current } from '../internal/current.js';
import { atomicsWait, readdirSync, readFileSync } from '../internal/originals.js';
import { seam } from '../internal/outside.js';
import { childKill, childStatus, childWait, RUNNING } from './native.js';

const { SIGCONT, SIGKILL, SIGSTOP } = constants.signals;
const FIRST_PAUSE_MS = 1;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LONGEST_PAUSE_MS = 32;
/** For a process in the middle of a system call that cannot be interrupted; the reaper waits longer. */
const LAST_WAIT_MS = 1000;
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));
/** Until a process is stopped: microseconds, unless the machine has much else to do. The second blocks the thread. */
const LONGEST_STOP_MS = 1000;
const LONGEST_STOP_OUTSIDE_MS = 50;

/** What is asked of, and done to, other processes than the child itself; and timers, of which a replay has none. */
const originals = {
  lifeOf,
  childrenOf,
  threadsOf,
  killProcess: (pid: number, signal: number): void => { process.kill(pid, signal); },
  pauseThread: (): void => { atomicsWait(NEVER_NOTIFIED, 0, 0, 1); },
  armTimer,
};
let processes = originals;
seam('processes', originals, (calls) => { processes = calls; });

/** A process of a family, known by its number and the moment of its start. */
class Member {
  private readonly born: string | undefined;
  /** It has ended just now, or has become another user's: no signal reaches it. */
  private outOfReach = false;

  constructor(readonly pid: number, private readonly kill: (signal: number) => void = (signal) => { processes.killProcess(pid, signal); }) {
    this.born = processes.lifeOf(String(pid))?.born;
  }

  /** A zombie does not: where process 1 reaps nobody, as in many containers, some stay for ever. */
  get runs(): boolean {
    const life = processes.lifeOf(String(this.pid));
    return life !== undefined && life.born === this.born && !/[ZX]/.test(life.state);
  }

  /** Whether it can start no process any more: each of its threads is stopped, or has ended. */
  get isStill(): boolean {
    return this.outOfReach || !this.runs || this.threads().every((thread) => /[TtZX]/.test(processes.lifeOf(`${String(this.pid)}/task/${thread}`)?.state ?? 'X'));
  }

  signal(number: number): void {
    try {
      if (this.runs) this.kill(number);
    } catch {
      this.outOfReach = true;
    }
  }

  children(): number[] {
    return this.threads().flatMap((thread) => processes.childrenOf(this.pid, thread));
  }

  private threads(): string[] {
    return processes.threadsOf(this.pid);
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${String(pid)}/task`);
  } catch {
    return []; // it has ended
  }
}

/** Of a process, or of the thread `PID/task/THREAD`. */
function lifeOf(name: string): { state: string; born: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    // The name, in parentheses, may contain anything; state is the first word behind it, the start the 20th.
    const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: words[0]!, born: words[19]! };
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number, thread: string): number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${thread}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/**
 * Stops `first` and all that descend from them, except those whose parent has ended. One that runs could start another process right
 * after its children were counted, and that one would be left when its parent has ended. So each is stopped, and counted again when
 * it is seen to be stopped: the kernel lets a fork that has begun finish first.
 */
function stopFamily(first: readonly Member[], parks: boolean): Member[] {
  const members = new Map(first.map((member) => [member.pid, member]));
  const counted = new Set<Member>();
  const until = performance.now() + (parks ? LONGEST_STOP_MS : LONGEST_STOP_OUTSIDE_MS);
  for (const member of first) member.signal(SIGSTOP);
  for (;;) {
    // New members come behind the ones that this loop is at, and are reached by it.
    for (const member of members.values()) {
      if (counted.has(member)) continue;
      if (member.isStill) counted.add(member);
      for (const pid of member.children()) {
        if (members.has(pid)) continue;
        const child = new Member(pid);
        child.signal(SIGSTOP);
        members.set(pid, child);
      }
    }
    if (counted.size === members.size || performance.now() > until) return [...members.values()];
    if (parks) sleep(1);
    else processes.pauseThread();
  }
}

/** A child with everything that it has started: its group if it leads one, and its descendants. */
export class Family {
  /** The child and its descendants, as far as they run. Nobody is left to descend from a process that has ended. */
  private members: readonly Member[] = [];

  /** @param child is kept as long as it may be sent signals: its handle ends with it */
  constructor(private readonly child: { readonly handle: number; readonly pid: number }) {
    if (this.childRuns) this.members = [new Member(child.pid, (signal) => { childKill(child.handle, signal, false); })];
  }

  /**
   * Ends them: by `signal`, and by SIGKILL those that still run after `grace` milliseconds. Returns when the child and its descendants
   * have ended, which a cancellation does not hasten; at once if it is not to `wait`, or cannot. Parks.
   *
   * @returns whether that is all: otherwise some are sent SIGKILL later
   */
  end(signal: number, grace: number, wait = true): boolean {
    const until = performance.now() + grace;
    if (!wait || !current()) {
      this.signalAll(signal, false);
      later(grace, () => { this.signalAll(SIGKILL, false); });
      return false;
    }
    shield(() => {
      this.signalAll(signal, true);
      if (this.endsWithin(grace)) return;
      this.signalAll(SIGKILL, true);
      this.endsWithin(LAST_WAIT_MS);
    });
    // Who is in the group and descends from nobody there cannot be waited for.
    const left = until - performance.now();
    if (left <= 0 || !this.signalGroup(0)) return true;
    later(left, () => { this.signalGroup(SIGKILL); });
    return false;
  }

  /** Sends `signal` to the group, and to all who descend from the child or have done so when this was called before. */
  private signalAll(signal: number, parks: boolean): void {
    this.members = stopFamily(this.members.filter(({ runs }) => runs), parks);
    this.signalGroup(signal);
    for (const number of [signal, SIGCONT]) {
      for (const member of this.members) member.signal(number);
    }
  }

  private get childRuns(): boolean {
    return childStatus(this.child.handle) === RUNNING;
  }

  private get running(): boolean {
    return this.childRuns || this.members.some(({ runs }) => runs);
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
  return ms > LONGEST_TIMER_MS ? () => undefined : processes.armTimer(ms, action);
}

function armTimer(ms: number, action: () => void): () => void {
  // stackful-analyze-ignore wrong-stack: actions that could park are told not to, by an argument
  const timer = setTimeout(action, ms).unref();
  return () => { clearTimeout(timer); };
}
