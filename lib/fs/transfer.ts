import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { check, fail } from '../internal/codes.js';
import { EINVAL } from '../internal/results.js';
import { encodingOf, positionOf } from './arguments.js';
import { borrow, giveBack, withDescriptor } from './descriptor.js';
import type { File } from './file.js';
import { fsRead, fsWrite } from './native.js';

/** An offset in a file, in bytes; null: the current position, which advances. */
export type Position = number | bigint | null;

/** Which part of a buffer is read or written, and where in the file. */
export interface TransferOptions {
  /** The first byte in the buffer; default 0. */
  offset?: number;
  /** The number of bytes; default: to the end of the buffer. */
  length?: number;
  /** The offset in the file, in bytes; null, the default: the current position, which advances. */
  position?: Position;
}

/**
 * As `fs.readSync`, also for a {@link File}. Parks if the bytes are not in memory.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open, read, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('digits.txt', '0123456789');
 *   using file = open('digits.txt');
 *   const buffer = Buffer.alloc(4);
 *   const count = read(file, buffer, 0, 4, 6);
 *   console.log(count, String(buffer)); // 4 6789
 * });
 * ```
 */
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

/**
 * As `fs.writeSync`, also for a {@link File}. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open, readFile, write } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('words.txt', 'w');
 *   console.log(write(file, 'hello')); // 5
 *   write(file, Buffer.from('J'), 0, 1, 0);
 *   console.log(readFile('words.txt', 'utf8')); // Jello
 * });
 * ```
 */
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
  // As in Node, null stands for absent options, and the arguments after it are ignored.
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

function partsOf(buffers: readonly NodeJS.ArrayBufferView[]): Buffer[] {
  if (!Array.isArray(buffers) || !buffers.every((part) => ArrayBuffer.isView(part)))
    throw invalidType('buffers', 'an instance of ArrayBufferView[]', buffers);
  return (buffers as NodeJS.ArrayBufferView[]).map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
}

/** As in Node, what is no number stands for the current position. */
const positionIn = (position: Position | undefined) => (typeof position === 'number' ? position : null);

/**
 * As `fs.readvSync`, also for a {@link File}: fills one buffer after the other. Parks if the bytes are not in memory.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open, readv, writeFile } from 'stackful/fs';
 *
 * await spawn(() => {
 *   writeFile('packet', 'HEADbody');
 *   using file = open('packet');
 *   const [head, body] = [Buffer.alloc(4), Buffer.alloc(10)];
 *   console.log(readv(file, [head, body]), String(head)); // 8 HEAD
 * });
 * ```
 */
export function readv(file: File | number, buffers: readonly NodeJS.ArrayBufferView[], position?: Position): number {
  const parts = partsOf(buffers);
  if (parts.length === 0) fail(EINVAL, 'readv', 'read');
  const whole = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + length, 0));
  const count = whole.length === 0 ? 0 : read(file, whole, 0, whole.length, positionIn(position));
  let done = 0;
  for (const part of parts) {
    if (done >= count) break;
    done += whole.copy(part, 0, done, count);
  }
  return count;
}

/**
 * As `fs.writevSync`, also for a {@link File}: the buffers are written one behind the other, as by one write. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { open, readFile, writev } from 'stackful/fs';
 *
 * await spawn(() => {
 *   using file = open('packet', 'w');
 *   console.log(writev(file, [Buffer.from('HEAD'), Buffer.from('body')])); // 8
 *   console.log(readFile('packet', 'utf8')); // HEADbody
 * });
 * ```
 */
export function writev(file: File | number, buffers: readonly NodeJS.ArrayBufferView[], position?: Position): number {
  // One copy costs less than a call for each buffer.
  const whole = Buffer.concat(partsOf(buffers));
  return transferOut(file, whole, 0, whole.length, positionOf(positionIn(position)));
}
