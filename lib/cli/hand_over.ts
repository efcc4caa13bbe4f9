/**
 * Hands a port over to another program that listens on it, too (SO_REUSEPORT). When a listening socket closes, the kernel
 * resets the connections that wait in it, and those that arrive after the last accept; so this first tells the kernel to
 * choose among the other program's sockets only. The kernel numbers the sockets of a port in the order of their `listen`: ours
 * are first, unless a third program listens, too; then the result is no worse than without this. The program that is left takes
 * the order off again: the last one that `closeAll` gives names one of its sockets only.
 */
import { closeSync, fstatSync, readFileSync } from 'node:fs';

import { httpSteer } from '../http/native.js';

const LISTENING = '0A';
/** How often a program looks whether it is alone on its port, in milliseconds. */
const LOOK_MS = 250;

/** How many sockets listen on the address of `fd`, that of `fd` included. */
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

/**
 * Where other sockets listen on the address of `fds`, waits until they are gone, and lets the kernel spread connections over all
 * of `fds` then. It does not keep the process alive.
 */
export function spreadWhenAlone(fds: readonly number[]): void {
  const alone = (): boolean => listenersBeside(fds[0]!) <= fds.length;
  if (alone()) return;
  const looking = setInterval(() => {
    if (!alone()) return;
    clearInterval(looking);
    // Fails where nobody has steered: then there is nothing to take off.
    httpSteer(fds[0]!, 0, 0);
  }, LOOK_MS).unref();
}

/** Sends new connections to the other program's sockets from now on. False when there are none. */
export function steerAway(fds: readonly number[]): boolean {
  const others = listenersBeside(fds[0]!) - fds.length;
  return others > 0 && httpSteer(fds[0]!, fds.length, others) === 0;
}

/**
 * Closes the sockets `fds`. At each close the last socket in the order takes the place of the closed one, so this tells the
 * kernel each time which places the other program's sockets have.
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
