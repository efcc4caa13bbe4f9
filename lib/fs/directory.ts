import { Dirent } from 'node:fs';

import { fail } from '../internal/codes.js';
import { isInterruption } from '../internal/results.js';
import { encodingOf, optionsOf, pathOf, pathText, type Encoding, type PathLike } from './arguments.js';
import { lastIsDirectory } from './stats.js';
import { fsReaddir, fsStat } from './native.js';

/** The options of {@link readdir}. */
export interface ReaddirOptions {
  /** The encoding of names, or `'buffer'` for bytes; default 'utf8'. */
  encoding?: Encoding;
  /** Returns Dirent objects. */
  withFileTypes?: boolean;
  /** Includes the entries of all directories below. */
  recursive?: boolean;
}

/** From d_type to the numbers of libuv that Dirent's constructor takes; unknown ones become 0. */
const TYPES: Record<number, number> = { 8: 1, 4: 2, 10: 3, 1: 4, 12: 5, 2: 6, 6: 7 };
const DIRECTORY = 4;
const LINK = 10;

type MakeDirent = new (name: string | Buffer, type: number, parentPath: string) => Dirent;

/** Node before 22.13 follows links only when it makes no Dirents, later ones always. */
const alwaysFollowsLinks = !/^(?:20|22\.12)\./.test(process.versions.node);

function goesBelow(path: string, type: number, withFileTypes: boolean): boolean {
  if (type === DIRECTORY) return true;
  if (type !== LINK || (withFileTypes && !alwaysFollowsLinks)) return false;
  const code = fsStat(path, false);
  // Otherwise what lies below would be missing from the result.
  if (isInterruption(code)) fail(code, 'readdir');
  return code === 0 && lastIsDirectory();
}

/** Names, each followed by its type. */
type Typed<N extends string | Buffer> = (N | number)[];

function entriesOf(path: string | Uint8Array, asBuffers: boolean, withTypes: boolean): (string | Buffer | number)[] {
  const list = fsReaddir(path, asBuffers, withTypes);
  return typeof list === 'number' ? fail(list, 'readdir', 'scandir', { path: pathText(path) }) : list;
}

const direntOf = (name: string | Buffer, type: number, parent: string) =>
  new (Dirent as unknown as MakeDirent)(name, TYPES[type] ?? 0, parent);

/** The entries of `top` and of all directories below, level by level, in Node's order. */
function recursive(top: string, withFileTypes: boolean): string[] | Dirent[] {
  const names: string[] = [];
  const dirents: Dirent[] = [];
  const queue = [''];
  for (const below of queue) {
    const directory = below === '' ? top : join(top, below);
    const list = entriesOf(directory, false, true) as Typed<string>;
    for (let i = 0; i < list.length; i += 2) {
      const [name, type] = [list[i] as string, list[i + 1] as number];
      const relative = below === '' ? name : `${below}/${name}`;
      if (withFileTypes) dirents.push(direntOf(name, type, directory));
      else names.push(relative);
      if (goesBelow(join(top, relative), type, withFileTypes)) queue.push(relative);
    }
  }
  return withFileTypes ? dirents : names;
}

function join(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

/**
 * The names in a directory, sorted by bytes. Arguments, results and errors are those of `fs.readdirSync`,
 * except that `recursive` returns strings only. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { readdir, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('listed.txt', '');
 *   console.log(readdir('.').includes('listed.txt')); // true
 *   const files = readdir('.', { withFileTypes: true }).filter((entry) => entry.isFile());
 *   console.log(files.length > 0); // true
 * });
 * ```
 */
export function readdir(
  path: PathLike,
  options?:
    (ReaddirOptions & { encoding?: BufferEncoding | null; withFileTypes?: false }) | BufferEncoding | null,
): string[];
export function readdir(
  path: PathLike,
  options: (ReaddirOptions & { encoding: 'buffer'; withFileTypes?: false }) | 'buffer',
): Buffer[];
export function readdir(
  path: PathLike,
  options: ReaddirOptions & { encoding?: BufferEncoding | null; withFileTypes: true },
): Dirent[];
export function readdir(path: PathLike, options?: ReaddirOptions | Encoding): string[] | Buffer[] | Dirent[] {
  const { encoding, withFileTypes = false, recursive: all = false } = optionsOf<ReaddirOptions>(options);
  const known = encodingOf(encoding) ?? 'utf8';
  const where = pathOf(path);
  if (all) return recursive(pathText(where), withFileTypes);
  const plain = known === 'utf8' || known === 'utf-8';
  const asBuffers = encoding === 'buffer' || !plain;
  const list = entriesOf(where, asBuffers, withFileTypes);
  if (asBuffers && encoding !== 'buffer') {
    for (let i = 0; i < list.length; i += withFileTypes ? 2 : 1) list[i] = (list[i] as Buffer).toString(known);
  }
  if (!withFileTypes) return list as string[];
  const parent = pathText(where);
  return Array.from({ length: list.length / 2 }, (_, i) =>
    direntOf(list[2 * i] as string | Buffer, list[2 * i + 1] as number, parent));
}
