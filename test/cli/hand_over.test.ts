/** What the kernel does at each step of a hand-over, with sockets of one process. */
import { once } from 'node:events';
import { closeSync, fstatSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';

import { listeningRows, orderAfter, placesAround } from '../../lib/cli/hand_over.js';
import { httpSteer } from '../../lib/http/native.js';
import { addressOfFd, listenFd } from '../../lib/http/server.js';

const open = new Set<number>();
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  for (const fd of open) closeSync(fd);
  open.clear();
});

let port = 0;

function listen(count: number): number[] {
  const fds = Array.from({ length: count }, () => {
    const fd = listenFd('127.0.0.1', port);
    ({ port } = addressOfFd(fd));
    return fd;
  });
  for (const fd of fds) open.add(fd);
  return fds;
}

/** How many connections wait in a listening socket. */
function waitingIn(fd: number): number {
  const inode = String(fstatSync(fd).ino);
  const row = listeningRows('tcp').find((cells) => cells[9] === inode)!;
  return Number.parseInt(row[4]!.split(':')[1]!, 16);
}

async function arrivals(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const client = connect(port, '127.0.0.1').on('error', () => undefined);
    clients.push(client);
    await once(client, 'connect');
  }
}

// In a thread beside others: between the fork and the exec of a child that one of these starts, the child has the sockets, too, and none
// of them is gone at its close.
describe.skipIf(!isMainThread)('handing a port over', () => {
  it.each([[1, 1, 1], [2, 2, 2], [2, 3, 2], [3, 2, 3], [1, 3, 2, 4], [4, 2, 2]])('sends no connection to a socket that closes: %d, %d, %d…', async (...counts) => {
    port = 0;
    let old = listen(counts[0]);
    for (const count of counts.slice(1)) {
      const next = listen(count);
      const waited = new Map(old.map((fd) => [fd, waitingIn(fd)]));
      const noneHasCome = (): void => {
        for (const fd of old) if (open.has(fd)) expect(waitingIn(fd)).toBe(waited.get(fd));
      };
      expect(httpSteer(old[0]!, old.length, count)).toBe(0);
      await arrivals(8);
      for (let at = old.length - 1; at >= 0; at--) {
        const { first, count: places } = placesAround(at, count);
        expect(httpSteer(old[at]!, first, places)).toBe(0);
        await arrivals(8);
        noneHasCome();
        closeSync(old[at]!);
        open.delete(old[at]!);
        await arrivals(8);
        noneHasCome();
      }
      old = orderAfter(old.length, count).map((i) => next[i]!);
      expect(httpSteer(old[0]!, 0, 0)).toBe(0);
      while (old.some((fd) => waitingIn(fd) === 0)) await arrivals(4);
    }
  });
});
