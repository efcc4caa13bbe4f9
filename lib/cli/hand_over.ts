/**
 * Handing a port over to another program that listens on it, too (SO_REUSEPORT). What waits in a listening socket, or
 * arrives between the last look at it and its end, is reset by the kernel when the socket closes; so the kernel is told
 * first to choose among the other program's sockets only. It knows the sockets of a port by their place in the order in
 * which they came: ours came first, unless a third program is about, which makes this try no worse than none.
 */
import { closeSync, fstatSync, readFileSync } from 'node:fs';

import { httpSteer } from '../http/native.js';

const LISTENING = '0A';

/** How many sockets listen on the address of `fd`, its own included. */
function listenersBeside(fd: number): number {
  const inode = String(fstatSync(fd).ino);
  for (const table of ['tcp', 'tcp6']) {
    // Number, local address, remote address, state, and at 9 the inode.
    const rows = readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/));
    const own = rows.find((row) => row[9] === inode);
    if (own) return rows.filter((row) => row[1] === own[1] && row[3] === LISTENING).length;
  }
  return 1;
}

/** From now on, new connections go to the others that listen there. False when there are none. */
export function steerAway(fds: readonly number[]): boolean {
  const others = listenersBeside(fds[0]!) - fds.length;
  return others > 0 && httpSteer(fds[0]!, fds.length, others) === 0;
}

/**
 * Closes them. The last socket in the order takes the place of one that goes; each time, the kernel is told where the
 * others' are then.
 */
export function closeAll(fds: readonly number[], steered: boolean): void {
  const others = steered ? listenersBeside(fds[0]!) - fds.length : 0;
  for (const [i, fd] of fds.entries()) {
    const behind = others - i - 1;
    if (behind > 0) httpSteer(fd, fds.length, behind);
    else if (others > 0 && i > 0) httpSteer(fd, 0, i);
    closeSync(fd);
  }
}
