/** What a process holds in memory, and what the kernel holds for its sockets. */

import { readFileSync } from 'node:fs';

/** Proportional set size: what a process holds that no other does, and its children: nginx's connections are a worker's. */
export function processBytes(pid: number): number {
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))![1]) * 1024;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + processBytes(Number(child)), own);
}

/** What an open connection is made of in the kernel: the protocol's state, inode, file and name, and an entry in a set of epoll. */
const SOCKET_CACHES = ['TCP', 'sock_inode_cache', 'filp', 'eventpoll_epi', 'eventpoll_pwq'];

/** Pages of all sockets of this machine; undefined for those who may not ask (it needs root). Buffers are empty in an idle one. */
export function kernelSocketBytes(): number | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/slabinfo', 'latin1');
  } catch {
    return undefined;
  }
  const lines = text.split('\n').map((line) => line.split(/\s+/));
  const pagesOf = (cache: string, objects?: number): number => {
    const fields = lines.find(([name]) => name === cache);
    if (!fields) return 0;
    const [, , all, , perSlab, pagesPerSlab] = fields.map(Number) as [number, number, number, number, number, number];
    return ((objects ?? all) / perSlab) * pagesPerSlab * 4096;
  };
  const files = Number(lines.find(([name]) => name === 'filp')?.[2] ?? 0);
  // Other programs' names fill the cache of names, too: a socket has one, as it has one file.
  return SOCKET_CACHES.reduce((sum, cache) => sum + pagesOf(cache), pagesOf('dentry', files));
}
