import type { Stats } from 'node:fs';
import { resolve } from 'node:path';

import { lstatSync, unlinkSync } from '../internal/originals.js';

/**
 * The file of a Unix socket that this process listens on. `remove` deletes it only if it is still the same file: when a server
 * closes, the path may belong to another server, or after `chdir` lead to another directory.
 */
export class SocketFile {
  private readonly path: string;
  private readonly dev: number;
  private readonly ino: number;

  private constructor(path: string, { dev, ino }: Stats) {
    this.path = path;
    this.dev = dev;
    this.ino = ino;
  }

  /** Called right after `listen`. Undefined when there is no file: sockets in the abstract namespace have none. */
  static at(path: string): SocketFile | undefined {
    if (path === '' || path.startsWith('\0')) return undefined;
    const absolute = resolve(path);
    const stats = lookAt(absolute);
    return stats && new SocketFile(absolute, stats);
  }

  /** Called before the socket is closed, because until then no other file gets the inode's number. */
  remove(): void {
    const stats = lookAt(this.path);
    if (!stats || stats.dev !== this.dev || stats.ino !== this.ino) return;
    try {
      unlinkSync(this.path);
    } catch {
      // Another process has removed it, or this one lacks permission.
    }
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isSocket() ? stats : undefined;
  } catch {
    return undefined;
  }
}
