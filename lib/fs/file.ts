import type { Stats, StatOptions } from 'node:fs';

import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { check, fail, systemError } from '../internal/codes.js';
import {
  encodingOf,
  fdOf,
  flagsOf,
  modeOf,
  pathOf,
  pathText,
  positionOf,
  type PathLike,
} from './arguments.js';
import { fsClose, fsFstat, fsOpen, fsRead, fsSync, fsWrite } from './native.js';
import { refuseBigint, statsOf } from './stats.js';
import { readFile, writeFile, type ReadFileOptions, type WriteFileOptions } from './whole_file.js';

export type Position = number | bigint | null;

export interface TransferOptions {
  /** Where in the buffer to begin; default 0. */
  offset?: number;
  /** Bytes; default: to the end of the buffer. */
  length?: number;
  /** Where in the file; null, the default: at its current position, which moves on. */
  position?: Position;
}

const EBADF = -9;
const CLOSED = -1;

/** Runs `use` with the descriptor of `file`, borrowed. */
export function withDescriptor<R>(file: File | number, syscall: string, use: (fd: number) => R): R {
  const fd = borrow(file, syscall);
  try {
    return use(fd);
  } finally {
    giveBack(file);
  }
}

/** Closes the files that nobody has closed. */
const abandoned = new FinalizationRegistry<number>(fsClose);

/**
 * The descriptor of `file`, which is not closed until {@link giveBack}: its number could be another file's by the
 * time a pool thread gets to it. Two functions, because one that takes a closure costs 60 ns and 100 bytes a read.
 */
export let borrow: (file: File | number, syscall: string) => number;
export let giveBack: (file: File | number) => void;

/**
 * An open file. Made by {@link open}. Every method but `close` throws NotInCoroutineError outside a
 * coroutine.
 */
export class File implements Disposable {
  private descriptor: number;
  private users = 0;
  private closing = false;

  static {
    borrow = (file, syscall) => {
      if (!(file instanceof File)) return fdOf(file);
      if (file.descriptor === CLOSED) throw systemError(EBADF, syscall);
      file.users++;
      return file.descriptor;
    };
    giveBack = (file) => {
      if (!(file instanceof File)) return;
      file.users--;
      if (file.closing) file.closeUnused();
    };
  }

  /** @internal */
  constructor(fd: number) {
    this.descriptor = fd;
    abandoned.register(this, fd, this);
  }

  /** The descriptor; -1 when closed. */
  get fd(): number {
    return this.closing ? CLOSED : this.descriptor;
  }

  /**
   * Reads into `buffer`. Returns the number of bytes: 0 at the end of the file, fewer than asked for only
   * there, or from what is not a regular file. Parks if the bytes are not in memory.
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
   * Writes a buffer, or text. Returns the number of bytes, which is less than asked for only on an error.
   * Parks.
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

  /** What the file is; see node:fs. Parks if that is not in memory. */
  stat(options?: StatOptions & { bigint?: false }): Stats {
    return fstat(this, options);
  }

  /** From the current position to the end. Parks if that is not in memory. */
  readFile(options?: (ReadFileOptions & { encoding?: null }) | null): Buffer;
  readFile(options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding): string;
  readFile(options?: ReadFileOptions | BufferEncoding | null): string | Buffer {
    return readFile(this, options);
  }

  /** Writes all of `data` at the current position. Parks. */
  writeFile(data: string | NodeJS.ArrayBufferView, options?: WriteFileOptions | BufferEncoding | null): void {
    writeFile(this, data, options);
  }

  /** Returns when everything written is on the disk. Parks. */
  sync(): void {
    fsync(this);
  }

  /** The same without what is not needed to read the data back, such as the time of the change. Parks. */
  datasync(): void {
    fdatasync(this);
  }

  /**
   * Closes the file, or lets the last call that other coroutines are in close it. Nothing for one that is
   * closed. Parks when the file was written to, if it can.
   */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    abandoned.unregister(this);
    this.closeUnused();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private closeUnused(): void {
    const fd = this.descriptor;
    if (this.users > 0 || fd === CLOSED) return;
    this.descriptor = CLOSED;
    check(fsClose(fd), 'file.close', 'close');
  }
}

/**
 * Opens a file. Arguments and errors are those of `fs.openSync`, the result is a {@link File}. Parks if the
 * disk has to be asked.
 */
export function open(path: PathLike, flags?: string | number | null, mode?: string | number | null): File {
  return new File(openDescriptor(path, flags, mode));
}

/** @internal */
export function openDescriptor(
  path: PathLike,
  flags?: string | number | null,
  mode?: string | number | null,
): number {
  const where = pathOf(path);
  const fd = fsOpen(where, flagsOf(flags), modeOf(mode, 0o666));
  return fd < 0 ? check(fd, 'open', 'open', { path: pathText(where) }) : fd;
}

/** As `fs.closeSync`, also for a {@link File}. Parks when the file was written to, if it can. */
export function close(file: File | number): void {
  if (file instanceof File) file.close();
  else check(fsClose(fdOf(file)), 'close', 'close');
}

/** As `fs.readSync`, also for a {@link File}. Parks if the bytes are not in memory. */
export function read(
  file: File | number,
  buffer: NodeJS.ArrayBufferView,
  offset?: number | null | TransferOptions,
  length?: number | null,
  position?: Position,
): number {
  if (!ArrayBuffer.isView(buffer))
    throw invalidType('buffer', 'an instance of Buffer, TypedArray, or DataView', buffer);
  if (typeof offset === 'object' && offset !== null) ({ offset, length, position } = offset);
  const from = integerIn('offset', offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const most = buffer.byteLength - from;
  if (length === 0) return 0;
  if (buffer.byteLength === 0) throw invalidValue('buffer', 'not empty, because it is written to', buffer);
  integerIn('offset', from, 0, buffer.byteLength);
  const count = integerIn('length', length ?? most, 0, most);
  const at = positionOf(position);
  const fd = borrow(file, 'read');
  try {
    return check(fsRead(fd, buffer, from, count, at), 'read', 'read');
  } finally {
    giveBack(file);
  }
}

/** As `fs.writeSync`, also for a {@link File}. Parks. */
export function write(
  file: File | number,
  buffer: NodeJS.ArrayBufferView,
  offset?: number | null | TransferOptions,
  length?: number | null,
  position?: Position,
): number;
export function write(
  file: File | number,
  text: string,
  position?: Position,
  encoding?: BufferEncoding,
): number;
export function write(
  file: File | number,
  data: NodeJS.ArrayBufferView | string,
  second?: Position | TransferOptions,
  third?: number | null | BufferEncoding,
  position?: Position,
): number {
  if (typeof data === 'string') {
    const bytes = Buffer.from(data, encodingOf(third as BufferEncoding));
    return transferOut(file, bytes, 0, bytes.length, positionOf(second as Position));
  }
  if (!ArrayBuffer.isView(data)) {
    throw invalidType('buffer', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  }
  let offset = second as number | null | undefined;
  let length = third as number | null | undefined;
  // As Node has it, null stands for options, and those after it do not count.
  if (typeof second === 'object') ({ offset, length, position } = second ?? {});
  const from = integerIn('offset', offset ?? 0, 0, data.byteLength);
  const most = data.byteLength - from;
  return transferOut(file, data, from, integerIn('length', length ?? most, 0, most), positionOf(position));
}

function transferOut(
  file: File | number,
  data: NodeJS.ArrayBufferView,
  offset: number,
  length: number,
  position: number,
): number {
  return withDescriptor(file, 'write', (fd) =>
    check(fsWrite(fd, data, offset, length, position), 'write', 'write'),
  );
}

/** As `fs.fstatSync`, also for a {@link File}; without `bigint`. Parks if the disk has to be asked. */
export function fstat(file: File | number, options?: StatOptions & { bigint?: false }): Stats {
  refuseBigint(options);
  return withDescriptor(file, 'fstat', (fd) => {
    const result = fsFstat(fd);
    return typeof result === 'number' ? fail(result, 'fstat', 'fstat') : statsOf(result);
  });
}

/** As `fs.fsyncSync`, also for a {@link File}. Parks. */
export function fsync(file: File | number): void {
  withDescriptor(file, 'fsync', (fd) => check(fsSync(fd, false), 'fsync', 'fsync'));
}

/** As `fs.fdatasyncSync`, also for a {@link File}. Parks. */
export function fdatasync(file: File | number): void {
  withDescriptor(file, 'fdatasync', (fd) => check(fsSync(fd, true), 'fdatasync', 'fdatasync'));
}
