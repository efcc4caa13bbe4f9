import type { BigIntStats, Stats } from 'node:fs';

import { check, fail } from '../internal/codes.js';
import { fdOf, type PathLike } from './arguments.js';
import { fchmod, fchown, ftruncate, futimes, type Time } from './attributes.js';
import { Descriptor, openDescriptor, withDescriptor } from './descriptor.js';
import { fsClose, fsFstat, fsSync } from './native.js';
import { lastStats, type StatsOptions } from './stats.js';
import { read, readv, write, writev, type Position, type TransferOptions } from './transfer.js';
import { appendFile, readFile, writeFile, type ReadFileOptions, type WriteFileOptions } from './whole_file.js';

/**
 * An open file. {@link open} makes one. Every method but `close` throws NotInCoroutineError
 * (`ERR_NOT_IN_COROUTINE`) outside a coroutine.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('letters.txt', 'w+');
 *   file.write('abcdef');
 *   const buffer = Buffer.alloc(3);
 *   file.read(buffer, { position: 2 });
 *   console.log(String(buffer), file.stat().size); // cde 6
 * });
 * ```
 */
export class File extends Descriptor {
  /**
   * Reads into `buffer`. Returns the number of bytes: 0 at the end of the file, fewer than `length` only
   * there, or from a file that is not regular. Parks if the bytes are not in memory.
   *
   * From a pipe, a terminal or a socket it waits also if the descriptor has `O_NONBLOCK`, where node:fs throws `EAGAIN`; a read
   * that is ended early has taken nothing.
   */
  read(
    buffer: NodeJS.ArrayBufferView,
    offset?: number | null,
    length?: number | null,
    position?: Position,
  ): number;
  read(buffer: NodeJS.ArrayBufferView, options?: TransferOptions): number;
  read(
    buffer: NodeJS.ArrayBufferView,
    offset?: number | null | TransferOptions,
    length?: number | null,
    position?: Position,
  ): number {
    return read(this, buffer, offset, length, position);
  }

  /**
   * Writes a buffer, or text. Returns the number of bytes, which is less than `length` only after an error, or where a write to
   * a pipe, a terminal or a socket is interrupted that has written a part. Parks. Interrupted before a pool thread has begun it,
   * `write` writes nothing; a write that has begun is waited for, except for room in a pipe or the like.
   */
  write(
    buffer: NodeJS.ArrayBufferView,
    offset?: number | null,
    length?: number | null,
    position?: Position,
  ): number;
  write(buffer: NodeJS.ArrayBufferView, options?: TransferOptions): number;
  write(text: string, position?: Position, encoding?: BufferEncoding): number;
  write(data: NodeJS.ArrayBufferView | string, ...rest: unknown[]): number {
    return write(this, data as string, ...(rest as [Position, BufferEncoding]));
  }

  /** Reads into one buffer after the other; see {@link readv}. Parks if the bytes are not in memory. */
  readv(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): number {
    return readv(this, buffers, position);
  }

  /** Writes one buffer after the other, as one write; see {@link writev}. Parks. */
  writev(buffers: readonly NodeJS.ArrayBufferView[], position?: Position): number {
    return writev(this, buffers, position);
  }

  /** The file's Stats, as in node:fs. Parks if the disk has to be read. */
  stat(options?: StatsOptions & { bigint?: false }): Stats;
  stat(options: StatsOptions & { bigint: true }): BigIntStats;
  stat(options?: StatsOptions): Stats | BigIntStats {
    return fstat(this, options);
  }

  /** Makes it `length` bytes long, by default empty. Parks. */
  truncate(length?: number | null): void {
    ftruncate(this, length);
  }

  /** Changes its mode. Parks. */
  chmod(mode: string | number): void {
    fchmod(this, mode);
  }

  /** Changes its owner. Parks. */
  chown(uid: number, gid: number): void {
    fchown(this, uid, gid);
  }

  /** Sets the times of the last access and change. Parks. */
  utimes(atime: Time, mtime: Time): void {
    futimes(this, atime, mtime);
  }

  /** The content from the current position to the end. Parks if it is not in memory. */
  readFile(options?: (ReadFileOptions & { encoding?: null }) | null): Buffer;
  readFile(options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding): string;
  readFile(options?: ReadFileOptions | BufferEncoding | null): string | Buffer {
    return readFile(this, options);
  }

  /** Writes all of `data` at the current position. Parks. */
  writeFile(data: string | NodeJS.ArrayBufferView, options?: WriteFileOptions | BufferEncoding | null): void {
    writeFile(this, data, options);
  }

  /** Writes all of `data` where the position is: at the end, if it was opened with `'a'`. Parks. */
  appendFile(data: string | NodeJS.ArrayBufferView, options?: WriteFileOptions | BufferEncoding | null): void {
    appendFile(this, data, options);
  }

  /** Returns when everything written is on the disk. Parks. */
  sync(): void {
    fsync(this);
  }

  /** Like {@link sync}, without metadata that reading does not need, such as the modification time. Parks. */
  datasync(): void {
    fdatasync(this);
  }
}

/**
 * Opens a file. Arguments and errors are those of `fs.openSync`, the result is a {@link File}. Parks if the
 * disk has to be read.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   try {
 *     open('no-such-file');
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // ENOENT
 *   }
 *   using file = open('notes.txt', 'a'); // closed at the end of the block
 *   file.writeFile('one more line\n');
 * });
 * ```
 */
export function open(path: PathLike, flags?: string | number | null, mode?: string | number | null): File {
  return new File(openDescriptor(path, flags, mode));
}

/**
 * As `fs.closeSync`, also for a {@link File}. Parks if the file was written to and the caller can park.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { close, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   const file = open('.');
 *   close(file);
 *   console.log(file.fd); // -1
 * });
 * ```
 */
export function close(file: File | number): void {
  if (file instanceof File) file.close();
  else check(fsClose(fdOf(file)), 'close', 'close');
}

/**
 * As `fs.fstatSync`, also for a {@link File}. Parks if the disk has to be read.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fstat, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using directory = open('.');
 *   console.log(fstat(directory).isDirectory()); // true
 * });
 * ```
 */
export function fstat(file: File | number, options?: StatsOptions & { bigint?: false }): Stats;
export function fstat(file: File | number, options: StatsOptions & { bigint: true }): BigIntStats;
export function fstat(file: File | number, options?: StatsOptions): Stats | BigIntStats;
export function fstat(file: File | number, options?: StatsOptions): Stats | BigIntStats {
  const bigint = options?.bigint === true;
  return withDescriptor(file, 'fstat', (fd) => {
    const code = fsFstat(fd, bigint);
    return code === 0 ? lastStats(bigint) : fail(code, 'fstat', 'fstat');
  });
}

/**
 * As `fs.fsyncSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fsync, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('journal', 'a');
 *   file.write('committed\n');
 *   fsync(file); // the entry is on the disk, with its metadata
 * });
 * ```
 */
export function fsync(file: File | number): void {
  withDescriptor(file, 'fsync', (fd) => check(fsSync(fd, false), 'fsync', 'fsync'));
}

/**
 * As `fs.fdatasyncSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fdatasync, open } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('journal', 'a');
 *   file.write('committed\n');
 *   fdatasync(file); // the entry is on the disk
 * });
 * ```
 */
export function fdatasync(file: File | number): void {
  withDescriptor(file, 'fdatasync', (fd) => check(fsSync(fd, true), 'fdatasync', 'fdatasync'));
}
