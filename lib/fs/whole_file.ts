import { withSignal } from '../coroutine/signal.js';
import { invalidType } from '../internal/arguments.js';
import { check, fail } from '../internal/codes.js';
import type { ParkOptions } from '../internal/parking.js';
import { MAY_BLOCK } from '../internal/results.js';
import { encodingOf, flagsOf, modeOf, optionsOf, pathOf, pathText, type PathLike } from './arguments.js';
import { Descriptor, openDescriptor, withDescriptor } from './descriptor.js';
import type { File } from './file.js';
import {
  CALL_FACTOR,
  CURRENT_POSITION,
  fsClose,
  fsRead,
  fsReadFile,
  fsSync,
  fsWrite,
  fsWriteFile,
  FILE_CALLS,
} from './native.js';

/** The options of {@link readFile}. */
export interface ReadFileOptions extends ParkOptions {
  /** The encoding of text; without one, the content is a Buffer. */
  encoding?: BufferEncoding | null;
  /** The flags to open it with; default 'r'. */
  flag?: string | number;
}

/** The options of {@link writeFile} and {@link appendFile}. */
export interface WriteFileOptions extends ParkOptions {
  /** The encoding of text; default 'utf8'. */
  encoding?: BufferEncoding | null;
  /** The mode of a file that is created; default 0o666. */
  mode?: string | number;
  /** The flags to open it with; default 'w'. */
  flag?: string | number;
  /** Whether to wait until the data is on the disk; default false. */
  flush?: boolean;
}

/** Throws for a code that includes the failed system call; see `fsReadFile`. */
function failIn(code: number, operation: string, path: string | undefined): never {
  const call = Math.trunc(-code / CALL_FACTOR);
  // Node names the path in the error of open alone.
  const details = call === 0 && path !== undefined ? { path } : {};
  fail(code + call * CALL_FACTOR, operation, FILE_CALLS[call], details);
}

function content(result: string | Buffer, encoding: BufferEncoding | undefined): string | Buffer {
  return typeof result === 'string' || encoding === undefined ? result : result.toString(encoding);
}

/**
 * The whole content of a file; of an open one, the content after its current position. Arguments, results and
 * errors are those of `fs.readFileSync`. Parks if the content is not in memory.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { readFile, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('settings.json', '{ "port": 8080 }');
 *   const settings = JSON.parse(readFile('settings.json', 'utf8')) as { port: number };
 *   console.log(settings.port); // 8080
 * });
 * ```
 */
export function readFile(
  file: PathLike | File | number,
  options?: (ReadFileOptions & { encoding?: null }) | null,
): Buffer;
export function readFile(
  file: PathLike | File | number,
  options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding,
): string;
export function readFile(
  file: PathLike | File | number,
  options?: ReadFileOptions | BufferEncoding | null,
): string | Buffer;
export function readFile(
  file: PathLike | File | number,
  options?: ReadFileOptions | BufferEncoding | null,
): string | Buffer {
  const given = optionsOf<ReadFileOptions>(options);
  const { encoding: wanted, flag, signal } = given;
  if (signal) return withSignal(signal, () => readFile(file, { ...given, signal: undefined }));
  const encoding = encodingOf(wanted);
  const utf8 = encoding === 'utf8' || encoding === 'utf-8';
  if (typeof file === 'number' || file instanceof Descriptor) {
    return withDescriptor(file, 'read', (fd) => {
      const result = fsReadFile(fd, utf8);
      return typeof result === 'number'
        ? failIn(result, 'readFile', undefined)
        : content(result as string | Buffer, encoding);
    });
  }
  if (flag !== undefined && flag !== 'r') {
    const fd = openDescriptor(file, flag);
    try {
      return readFile(fd, options);
    } finally {
      fsClose(fd);
    }
  }
  const path = pathOf(file);
  const result = fsReadFile(path, utf8);
  if (typeof result === 'number') failIn(result, 'readFile', pathText(path));
  return content(Array.isArray(result) ? readLarge(...result) : result, encoding);
}

/** Between two of these, which take 25 us from the kernel's cache, other coroutines may run. */
const PIECE = 256 * 1024;

/**
 * The content of a large file, from the current position, and closes it. Into memory of V8's own, whose collector frees it in minor
 * collections: for foreign memory it marks the whole heap, which takes as long as the reading. Parks.
 */
function readLarge(fd: number, size: number): Buffer {
  try {
    // One more than there is, so that the read that gets it all is also the one that finds the end.
    let buffer = Buffer.allocUnsafeSlow(size + 1);
    let filled = 0;
    for (;;) {
      if (filled === buffer.length) {
        const more = Buffer.allocUnsafeSlow(2 * filled);
        buffer.copy(more, 0, 0, filled);
        buffer = more;
      }
      const wanted = Math.min(PIECE, buffer.length - filled);
      const count = check(fsRead(fd, buffer, filled, wanted, CURRENT_POSITION), 'readFile', 'read');
      filled += count;
      if (count === 0) return buffer.subarray(0, filled);
    }
  } finally {
    fsClose(fd);
  }
}

function writeAll(fd: number, data: NodeJS.ArrayBufferView): void {
  let done = 0;
  do {
    done += check(fsWrite(fd, data, done, data.byteLength - done, CURRENT_POSITION), 'writeFile', 'write');
  } while (done < data.byteLength);
}

/**
 * Makes `data` the content of a file, or writes it at the current position of an open one. Arguments and
 * errors are those of `fs.writeFileSync`. Parks. Interrupted before a pool thread has begun it, it does nothing. One that has
 * begun is finished first, except where a write may wait for ever (a FIFO): there it ends between two writes.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('report.txt', 'all is well\n', { mode: 0o600, flush: true });
 * });
 * ```
 */
export function writeFile(
  file: PathLike | File | number,
  data: string | NodeJS.ArrayBufferView,
  options?: WriteFileOptions | BufferEncoding | null,
): void {
  const given = optionsOf<WriteFileOptions>(options);
  const { encoding, mode, flag = 'w', flush = false, signal } = given;
  if (signal) {
    withSignal(signal, () => { writeFile(file, data, { ...given, signal: undefined }); });
    return;
  }
  const known = encodingOf(encoding);
  if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
    throw invalidType('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  }
  if (typeof flush !== 'boolean') throw invalidType('options.flush', 'of type boolean', flush);
  const bytes = typeof data === 'string' ? Buffer.from(data, known) : data;
  const write = (fd: number) => {
    if (bytes.byteLength > 0) writeAll(fd, bytes);
    if (flush) check(fsSync(fd, false), 'writeFile', 'fsync');
  };
  if (typeof file === 'number' || file instanceof Descriptor) {
    withDescriptor(file, 'write', write);
    return;
  }
  const path = pathOf(file);
  const result = fsWriteFile(path, flagsOf(flag), modeOf(mode, 0o666), bytes, flush);
  if (result >= 0) return;
  if (result !== MAY_BLOCK) failIn(result, 'writeFile', pathText(path));
  const fd = openDescriptor(file, flag, mode);
  try {
    write(fd);
  } catch (error) {
    fsClose(fd);
    throw error;
  }
  // Some file systems report a full disk only at close.
  check(fsClose(fd), 'writeFile', 'close');
}

/**
 * As `fs.appendFileSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { appendFile, readFile, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('log.txt', '');
 *   appendFile('log.txt', 'started;');
 *   appendFile('log.txt', 'stopped;');
 *   console.log(readFile('log.txt', 'utf8')); // started;stopped;
 * });
 * ```
 */
export function appendFile(
  file: PathLike | File | number,
  data: string | NodeJS.ArrayBufferView,
  options?: WriteFileOptions | BufferEncoding | null,
): void {
  const given = optionsOf<WriteFileOptions>(options);
  writeFile(file, data, { ...given, flag: given.flag ?? 'a' });
}
