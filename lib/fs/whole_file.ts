import { invalidType } from '../internal/arguments.js';
import { check, fail } from '../internal/codes.js';
import { encodingOf, flagsOf, modeOf, optionsOf, pathOf, pathText, type PathLike } from './arguments.js';
import type { ParkOptions } from '../internal/parking.js';
import { withSignal } from '../signal.js';
import { File, openDescriptor, withDescriptor } from './file.js';
import {
  CALL_FACTOR,
  CURRENT_POSITION,
  fsClose,
  fsReadFile,
  fsSync,
  fsWrite,
  fsWriteFile,
  MAY_BLOCK,
  READ_FILE_CALLS,
  WRITE_FILE_CALLS,
} from './native.js';

export interface ReadFileOptions extends ParkOptions {
  encoding?: BufferEncoding | null;
  /** How to open it; default 'r'. */
  flag?: string | number;
}

export interface WriteFileOptions extends ParkOptions {
  /** Of text; default 'utf8'. */
  encoding?: BufferEncoding | null;
  /** Of a file that is created; default 0o666. */
  mode?: string | number;
  /** How to open it; default 'w'. */
  flag?: string | number;
  /** Whether to wait until it is on the disk. */
  flush?: boolean;
}

/** Throws for a code in which the failed system call is one of `calls`. */
function failIn(calls: readonly string[], code: number, operation: string, path: string | undefined): never {
  const call = Math.trunc(-code / CALL_FACTOR);
  // Node names the path in the error of open alone.
  const details = call === 0 && path !== undefined ? { path } : {};
  fail(code + call * CALL_FACTOR, operation, calls[call], details);
}

function content(result: string | Buffer, encoding: BufferEncoding | undefined): string | Buffer {
  return typeof result === 'string' || encoding === undefined ? result : result.toString(encoding);
}

/**
 * The whole content of a file, or of what follows the current position of an open one. Arguments, results and
 * errors are those of `fs.readFileSync`. Parks if it is not in memory.
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
  if (typeof file === 'number' || file instanceof File) {
    return withDescriptor(file, 'read', (fd) => {
      const result = fsReadFile(fd, utf8);
      return typeof result === 'number'
        ? failIn(READ_FILE_CALLS, result, 'readFile', undefined)
        : content(result, encoding);
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
  return typeof result === 'number'
    ? failIn(READ_FILE_CALLS, result, 'readFile', pathText(path))
    : content(result, encoding);
}

function writeAll(fd: number, data: NodeJS.ArrayBufferView): void {
  let done = 0;
  do {
    done += check(fsWrite(fd, data, done, data.byteLength - done, CURRENT_POSITION), 'writeFile', 'write');
  } while (done < data.byteLength);
}

/**
 * Makes `data` the content of a file, or writes it at the current position of an open one. Arguments and
 * errors are those of `fs.writeFileSync`. Parks. A file whose writing is cancelled is left as far as it was
 * written.
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
  if (typeof file === 'number' || file instanceof File) {
    withDescriptor(file, 'write', write);
    return;
  }
  const path = pathOf(file);
  const result = fsWriteFile(path, flagsOf(flag), modeOf(mode, 0o666), bytes, flush);
  if (result >= 0) return;
  if (result !== MAY_BLOCK) failIn(WRITE_FILE_CALLS, result, 'writeFile', pathText(path));
  const fd = openDescriptor(file, flag, mode);
  try {
    write(fd);
  } catch (error) {
    fsClose(fd);
    throw error;
  }
  // Some file systems only say now that there is no room.
  check(fsClose(fd), 'writeFile', 'close');
}

/** As `fs.appendFileSync`, also for a {@link File}. Parks. */
export function appendFile(
  file: PathLike | File | number,
  data: string | NodeJS.ArrayBufferView,
  options?: WriteFileOptions | BufferEncoding | null,
): void {
  const given = optionsOf<WriteFileOptions>(options);
  writeFile(file, data, { ...given, flag: given.flag ?? 'a' });
}
