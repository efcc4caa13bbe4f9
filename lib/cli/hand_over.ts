/**
 * Hands a port over to another program that listens on it, too (SO_REUSEPORT). When a listening socket closes, the kernel
 * resets the connections that wait in it, and those that arrive after the last accept; so this first tells the kernel to
 * choose among the other program's sockets only.
 *
 * The kernel numbers the sockets of a port in the order of their `listen`: ours are first, unless a third program listens, too;
 * then the result is no worse than without this. At each close the last socket takes the number of the closed one. So a program
 * closes its sockets from the last number to the first, and the one that is left knows the order in which its own stand then.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { httpSteer } from '../http/native.js';

const LISTENING = '0A';
/** How often a program looks whether it is alone on its port, in milliseconds. */
const LOOK_MS = 250;
/** How long a handshake that began before connections go elsewhere may take, in milliseconds. */
const HANDSHAKE_MS = 250;

/**
 * The rows of the sockets that listen: number, local address, remote address, state, queues, and at 9 the inode. They come first in
 * the table, which is read no further: the connections of a busy machine are a hundred thousand rows.
 */
export function listeningRows(table: 'tcp' | 'tcp6'): string[][] {
  const file = openSync(`/proc/net/${table}`, 'r');
  try {
    const chunk = Buffer.alloc(1 << 16);
    let text = '';
    for (;;) {
      const length = readSync(file, chunk, 0, chunk.length, null);
      text += chunk.toString('latin1', 0, length);
      const rows = text.slice(0, text.lastIndexOf('\n')).split('\n').slice(1).map((line) => line.trim().split(/\s+/));
      const end = rows.findIndex((row) => row[3] !== LISTENING);
      if (end >= 0 || length === 0) return end >= 0 ? rows.slice(0, end) : rows;
    }
  } finally {
    closeSync(file);
  }
}

/** How many sockets listen on the address of `fd`, that of `fd` included. */
function listenersBeside(fd: number): number {
  const inode = String(fstatSync(fd).ino);
  for (const table of ['tcp', 'tcp6'] as const) {
    const rows = listeningRows(table);
    const own = rows.find((row) => row[9] === inode);
    if (own) return rows.filter((row) => row[1] === own[1]).length;
  }
  return 1;
}

/** In which order `count` sockets stand when the `before` ones in front of them have been closed, from the last to the first. */
export function orderAfter(before: number, count: number): number[] {
  const order = Array.from({ length: before + count }, (_, i) => i - before);
  for (let at = before - 1; at >= 0; at--) order[at] = order.pop()!;
  return order;
}

/**
 * Where the other program's sockets stand before and after the close of ours with the number `at`, the last of ours: `first` and
 * `count` for httpSteer. With one socket there is no number for both; it names that before the close. The kernel takes a number
 * that does not exist for no order, and chooses any socket.
 */
export function placesAround(at: number, others: number): { first: number; count: number } {
  return { first: at + 1, count: Math.max(others - 1, 1) };
}

/** The sockets of a program on one port, which it may share with the program before it and the one after it. */
export class SharedPort {
  /** In the order in which the kernel numbers them. */
  private ordered: readonly number[];

  constructor(readonly fds: readonly number[]) {
    this.ordered = fds;
    const before = this.others();
    if (before > 0) this.waitForTheEndOf(before);
  }

  /** How many sockets of other programs listen on the port. */
  private others(): number {
    return listenersBeside(this.fds[0]!) - this.fds.length;
  }

  /** When the program before this one has ended, takes off the order that it has given: connections spread over all sockets. */
  private waitForTheEndOf(before: number): void {
    const looking = setInterval(() => {
      if (this.others() > 0) return;
      clearInterval(looking);
      this.ordered = orderAfter(before, this.fds.length).map((i) => this.fds[i]!);
      // Fails where the kernel was given none: then there is none to take off.
      httpSteer(this.fds[0]!, 0, 0);
    }, LOOK_MS).unref();
  }

  /**
   * Closes the sockets, after connections go to those of the program that has listened on the port meanwhile, if there is one.
   *
   * @param stop lets the workers of these sockets accept what waits in them and close their descriptors
   */
  async handOver(stop: (fds: readonly number[]) => Promise<unknown>): Promise<void> {
    const others = this.others();
    const steered = others > 0 && httpSteer(this.fds[0]!, this.fds.length, others) === 0;
    if (!steered) {
      await stop(this.fds);
      return;
    }
    const [last, ...rest] = this.ordered;
    // Handshakes under way complete at the socket where they began, so the workers still accept.
    await delay(HANDSHAKE_MS);
    await stop(rest);
    for (let at = rest.length; at > 0; at--) this.closeAt(at, others);
    // A single socket of the other program had no number for a moment, and this one, still served, may have been chosen.
    if (others === 1 && rest.length > 0) {
      httpSteer(last!, 1, 1);
      await delay(HANDSHAKE_MS);
    }
    await stop([last!]);
    this.closeAt(0, others);
  }

  private closeAt(at: number, others: number): void {
    const { first, count } = placesAround(at, others);
    httpSteer(this.ordered[at]!, first, count);
    closeSync(this.ordered[at]!);
  }
}
