/** CPU time as the kernel accounts it. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** `pid` and every process below it, so that a master with workers counts as one server. */
function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/**
 * User plus system time of a server in seconds, all threads and child processes included: fields 14 and 15 of
 * `/proc/PID/stat`. The kernel takes their sum from the scheduler's exact clock and only rounds it to ticks
 * (10 ms), so a window of a few seconds makes the rounding vanish.
 */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, each) => {
    const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
    // The command name in field 2 may hold spaces and parentheses: count fields after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }, 0);
}
