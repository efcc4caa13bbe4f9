import fs, { type Dirent } from 'node:fs';

import { integerIn } from '../internal/arguments.js';
import type { Encoding, PathLike } from './arguments.js';
import { byNode } from './by_node.js';

const MOST_ENTRIES = 2 ** 32 - 1;

/** The options of {@link opendir}. */
export interface OpendirOptions {
  /** The encoding of names; default 'utf8'. */
  encoding?: BufferEncoding;
  /** How many entries are read at a time; default 32. */
  bufferSize?: number;
  /** Includes the entries of all directories below. */
  recursive?: boolean;
}

/**
 * An open directory, for those too large for {@link readdir}. {@link opendir} makes one.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { opendir } from 'stackful/fs';
 *
 * await spawn(() => {
 *   let directories = 0;
 *   for (const entry of opendir('/')) if (entry.isDirectory()) directories++;
 *   console.log(directories > 0); // true
 * });
 * ```
 */
export class Dir implements Iterable<Dirent>, Disposable {
  private readonly dir: fs.Dir;
  /** Reads whose coroutines were interrupted: their entries are the next ones'. */
  private readonly late: (Dirent | null)[] = [];
  private reading = 0;

  /** @internal */
  constructor(dir: fs.Dir) {
    this.dir = dir;
  }

  /** The path that it was opened with. */
  get path(): string {
    return this.dir.path;
  }

  /** The next entry, in the file system's order; null at the end. Parks. */
  read(): Dirent | null {
    const late = this.late.shift();
    if (late !== undefined) return late;
    return byNode<Dirent | null>('fs.readdir', this.path, (done) => {
      this.dir.read((error, entry) => {
        this.reading--;
        done(error, entry);
      });
      this.reading++;
    }, { abandoned: (entry) => { this.late.push(entry); } });
  }

  /** Closes it, after reads that are under way. Never parks. Throws `ERR_DIR_CLOSED` when it is closed. */
  close(): void {
    if (this.reading === 0) this.dir.closeSync();
    else this.dir.close(() => undefined);
  }

  /** For `using`: closes it if it is open. */
  [Symbol.dispose](): void {
    try {
      this.close();
    } catch {
      // It is closed.
    }
  }

  /** The entries; at the end, or when the loop is left, the directory is closed. Parks. */
  *[Symbol.iterator](): Generator<Dirent, void, undefined> {
    try {
      for (let entry = this.read(); entry; entry = this.read()) yield entry;
    } finally {
      this[Symbol.dispose]();
    }
  }
}

/**
 * Opens a directory, to read it entry by entry. As `fs.opendirSync`. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { mkdir, opendir, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('drawer');
 *   writeFile('drawer/letter', '');
 *   for (const entry of opendir('drawer')) console.log(entry.name); // letter
 * });
 * ```
 */
export function opendir(path: PathLike, options: OpendirOptions | Encoding = {}): Dir {
  // Node throws for it in its callback, where no one can catch it.
  const { bufferSize } = (options ?? {}) as OpendirOptions;
  if (bufferSize !== undefined) integerIn('options.bufferSize', bufferSize, 1, MOST_ENTRIES);
  return new Dir(byNode<fs.Dir>('fs.opendir', path, (done) => { fs.opendir(path, options as OpendirOptions, done); }, {
    abandoned: (dir) => { dir.closeSync(); },
  }));
}
