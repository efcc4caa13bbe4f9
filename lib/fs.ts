/// <reference types="node" preserve="true" />
/**
 * The functions of `node:fs` without `Sync` in their names: the same arguments, results and errors, but they wait in a coroutine
 * and the thread goes on. `open` gives a `File`, which is closed when its block ends (`using`), `watch` and `watchFile` give
 * loops, and `opendir` gives a `Dir` of this module.
 *
 * Streams of files are in `stackful/stream`: `toReadable(open(path))`.
 *
 * @module stackful/fs
 */

export { constants, Dirent, Stats } from 'node:fs';
export { close, fdatasync, File, fstat, fsync, open } from './fs/file.js';
export { read, readv, write, writev, type Position, type TransferOptions } from './fs/transfer.js';
export { readdir, type ReaddirOptions } from './fs/directory.js';
export { Dir, opendir, type OpendirOptions } from './fs/opened_directory.js';
export {
  access, exists, lstat, realpath, stat,
  type BigIntStatOptions, type PlainStatOptions, type Realpath, type StatPathOptions,
} from './fs/metadata.js';
export type { StatsOptions } from './fs/stats.js';
export {
  copyFile, link, mkdir, mkdtemp, readlink, rename, rmdir, symlink, unlink,
  type MkdirOptions, type NameOptions, type RmdirOptions,
} from './fs/paths.js';
export {
  chmod, chown, fchmod, fchown, ftruncate, futimes, lchown, lutimes, statfs, truncate, utimes, type Time,
} from './fs/attributes.js';
export { cp, glob, mkdtempDisposable, openAsBlob, rm, type GlobOptions, type TemporaryDirectory } from './fs/trees.js';
export {
  unwatchFile, watch, Watcher, watchFile,
  type FileChange, type QueueOptions, type StatChange, type WatchFileOptions, type WatchOptions,
} from './fs/watch.js';
export { appendFile, readFile, writeFile, type ReadFileOptions, type WriteFileOptions } from './fs/whole_file.js';
export type { Encoding, PathLike } from './fs/arguments.js';
