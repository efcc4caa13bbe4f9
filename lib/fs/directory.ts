import { Dirent } from 'node:fs';

import { fail } from '../internal/codes.js';
import { encodingOf, optionsOf, pathOf, pathText, type Encoding, type PathLike } from './arguments.js';
import { isDirectoryMode } from './stats.js';
import { fsReaddir, fsStat } from './native.js';

export interface ReaddirOptions {
  encoding?: Encoding;
  /** Entries as Dirent objects. */
  withFileTypes?: boolean;
  /** Also what the directories below hold. */
  recursive?: boolean;
}

/** From d_type to the numbers of libuv that Dirent's constructor takes; unknown ones become 0. */
const TYPES: Record<number, number> = { 8: 1, 4: 2, 10: 3, 1: 4, 12: 5, 2: 6, 6: 7 };
const DIRECTORY = 4;
const LINK = 10;

type MakeDirent = new (name: string | Buffer, type: number, parentPath: string) => Dirent;

interface Entry {
  name: string | Buffer;
  /** d_type */
  type: number;
}

function entriesOf(path: string | Uint8Array, asBuffers: boolean): Entry[] {
  const list = fsReaddir(path, asBuffers);
  if (typeof list === 'number') fail(list, 'readdir', 'scandir', { path: pathText(path) });
  const entries: Entry[] = [];
  for (let i = 0; i < list.length; i += 2)
    entries.push({ name: list[i] as string | Buffer, type: list[i + 1] as number });
  return entries;
}

/** Node 20 follows links only when it makes no Dirents, later ones always. */
const alwaysFollowsLinks = !process.versions.node.startsWith('20.');

function goesBelow(path: string, type: number, withFileTypes: boolean): boolean {
  if (type === DIRECTORY) return true;
  if (type !== LINK || (withFileTypes && !alwaysFollowsLinks)) return false;
  const about = fsStat(path);
  return typeof about !== 'number' && isDirectoryMode(about);
}

/** Entries of `top` and of everything below, level by level as Node gives them. */
function recursive(top: string, withFileTypes: boolean): string[] | Dirent[] {
  const names: string[] = [];
  const dirents: Dirent[] = [];
  const queue = [''];
  for (const below of queue) {
    const directory = below === '' ? top : join(top, below);
    for (const { name, type } of entriesOf(directory, false) as { name: string; type: number }[]) {
      const relative = below === '' ? name : `${below}/${name}`;
      if (withFileTypes)
        dirents.push(new (Dirent as unknown as MakeDirent)(name, TYPES[type] ?? 0, directory));
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
 * except that `recursive` gives text only. Parks.
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
  const entries = entriesOf(where, encoding === 'buffer' || !plain);
  const names = entries.map(({ name }) =>
    typeof name === 'string' || encoding === 'buffer' ? name : name.toString(known),
  );
  if (!withFileTypes) return names as string[];
  const parent = pathText(where);
  return names.map(
    (name, i) => new (Dirent as unknown as MakeDirent)(name, TYPES[entries[i]!.type] ?? 0, parent),
  );
}
