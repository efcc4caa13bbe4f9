import fs, { type CopyOptions, type Dirent, type RmOptions } from 'node:fs';
import { resolve } from 'node:path';

import { shield } from '../coroutine/shield.js';
import { current } from '../internal/current.js';
import { rmSync } from '../internal/originals.js';
import type { Encoding, PathLike } from './arguments.js';
import { byNode, type Done } from './by_node.js';
import { mkdtemp, type NameOptions } from './paths.js';

const changes = { changes: true } as const;

/**
 * Removes a file, or with `recursive` a directory and what is in it. As `fs.rmSync`. Parks. It cannot be stopped in the middle: an
 * interruption waits until it is done.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { exists, mkdir, rm } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('build/objects', { recursive: true });
 *   rm('build', { recursive: true, force: true });
 *   console.log(exists('build')); // false
 * });
 * ```
 */
export function rm(path: PathLike, options: RmOptions = {}): void {
  byNode<void>('fs.rm', path, (done) => { fs.rm(path, options, done); }, changes);
}

/**
 * Copies a file, or with `recursive` a directory and what is in it. As `fs.cpSync`; a `filter` runs on the main stack, where it
 * cannot wait. Parks. It cannot be stopped in the middle: an interruption waits until it is done.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { cp, mkdir, readdir, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   mkdir('pages');
 *   writeFile('pages/index.html', '<p>hello');
 *   cp('pages', 'backup', { recursive: true });
 *   console.log(readdir('backup')); // [ 'index.html' ]
 * });
 * ```
 */
export function cp(source: string | URL, destination: string | URL, options: CopyOptions = {}): void {
  byNode<void>('fs.cp', source, (done) => { fs.cp(source, destination, options, done); }, changes);
}

/** The options of {@link glob}. */
export interface GlobOptions {
  /** The directory that relative patterns begin in; default: the working directory. */
  cwd?: string | URL;
  /** Patterns of what is left out, or a function that says so, which runs on the main stack. */
  exclude?: readonly string[] | ((name: string & Dirent) => boolean);
  /** Gives Dirents. Default false. */
  withFileTypes?: boolean;
  /** Follows links to directories; Node 26. */
  followSymlinks?: boolean;
}

type Glob = (pattern: string | readonly string[], options: GlobOptions, done: Done<string[] | Dirent[]>) => void;

/**
 * The paths that match a pattern. As `fs.globSync`, which Node has from 22 on. Parks.
 *
 * @throws Error (`ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`) on Node 20
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { glob, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('a.log', '');
 *   return 'globSync' in process.getBuiltinModule('fs') ? glob('*.log') : [];
 * });
 * ```
 */
export function glob(pattern: string | readonly string[], options?: GlobOptions & { withFileTypes?: false }): string[];
export function glob(pattern: string | readonly string[], options: GlobOptions & { withFileTypes: true }): Dirent[];
export function glob(pattern: string | readonly string[], options?: GlobOptions): string[] | Dirent[];
export function glob(pattern: string | readonly string[], options: GlobOptions = {}): string[] | Dirent[] {
  const { glob: search } = fs as { glob?: Glob };
  if (!search) {
    throw Object.assign(new Error(`fs.glob: Node ${process.versions.node} has none; Node 22 has`), {
      code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    });
  }
  return byNode('fs.glob', pattern, (done) => { search(pattern, options, done); });
}

/** A directory that {@link mkdtempDisposable} made. */
export interface TemporaryDirectory extends Disposable {
  /** Its path. */
  readonly path: string;
  /** Removes it with what is in it. Parks, where the caller can. */
  remove(): void;
}

/**
 * Makes a directory as {@link mkdtemp} does, which is removed with what is in it when the block of its `using` ends. As
 * `fs.mkdtempDisposableSync` of Node 24, on every Node. Parks. The removal waits, too, and is not interrupted.
 *
 * @example
 * ```ts
 * import { tmpdir } from 'node:os';
 * import { spawn } from 'stackful';
 * import { exists, mkdtempDisposable, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   let path;
 *   {
 *     using directory = mkdtempDisposable(`${tmpdir()}/job-`);
 *     path = directory.path;
 *     writeFile(`${path}/scratch`, '');
 *   }
 *   console.log(exists(path)); // false
 * });
 * ```
 */
export function mkdtempDisposable(prefix: PathLike, options?: NameOptions | Encoding): TemporaryDirectory {
  const path = mkdtemp(prefix, options) as string;
  // The working directory may change.
  const absolute = resolve(String(path));
  const remove = () => {
    const given = { recursive: true, force: true };
    if (current()) shield(() => { rm(absolute, given); });
    else rmSync(absolute, given);
  };
  return { path, remove, [Symbol.dispose]: remove };
}

/**
 * The content of a file as a Blob, which is read when it is used. As `fs.openAsBlob`, but it waits. Parks.
 *
 * @example
 * ```ts
 * import { spawn, wait } from 'stackful';
 * import { openAsBlob, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('picture.svg', '<svg/>');
 *   const blob = openAsBlob('picture.svg', { type: 'image/svg+xml' });
 *   console.log(blob.size, wait(blob.text())); // 6 <svg/>
 * });
 * ```
 */
export function openAsBlob(path: PathLike, options?: { type?: string }): Blob {
  return byNode<Blob>('fs.openAsBlob', path, (done) => {
    fs.openAsBlob(path, options).then((blob) => { done(null, blob); }, done);
  });
}
