import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a call returns or throws, with the properties of an error in an object that can be compared. */
export function outcomeOf(call: () => unknown): unknown {
  try {
    return { value: call() };
  } catch (error) {
    return described(error);
  }
}

export function described(error: unknown): unknown {
  const { name, message } = error as Error;
  return { name, message, ...(error as object) };
}

/** The states of processes whose command line contains `mark`; zombies have none. */
export function running(mark: string): string[] {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark) && stateOf(pid) !== 'Z';
    } catch {
      return false;
    }
  });
}

/**
 * The children of this process that have ended and were not reaped, of these programs only: where tests run in worker threads,
 * Node's own children of a worker that has ended are never reaped.
 */
export function zombies(programs: readonly string[]): string[] {
  return pids().filter((pid) => {
    try {
      const [state, parent] = wordsOf(pid);
      const program = readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
      return state === 'Z' && parent === String(process.pid) && programs.includes(program);
    } catch {
      return false;
    }
  });
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function wordsOf(pid: string): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
const stateOf = (pid: string) => wordsOf(pid)[0];

/** Pipes, sockets and pidfds that this process has open. */
export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, '')];
    } catch {
      return [];
    }
  }).filter((target) => /^(pipe|socket|anon_inode:\[pidfd)/.test(target));
}

/** Until `condition` holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => { setTimeout(done, 5); });
}
