import { constants } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { CURRENT_POSITION } from './native.js';

/** A path, as in node:fs. */
export type PathLike = string | Buffer | URL;

const MOST_INT = 2 ** 31 - 1;

/** The path in the form that native functions take. */
export function pathOf(path: PathLike, name = 'path'): string | Uint8Array {
  let plain: unknown = path;
  if (plain instanceof URL) plain = fileURLToPath(plain);
  if (typeof plain === 'string' ? !plain.includes('\0') : plain instanceof Uint8Array && !plain.includes(0)) {
    return plain as string | Uint8Array;
  }
  if (typeof plain === 'string' || plain instanceof Uint8Array) {
    throw invalidValue(name, 'a string, Uint8Array, or URL without null bytes', plain);
  }
  throw invalidType(name, 'of type string or an instance of Buffer or URL', path);
}

/** The text of a path in errors. */
export function pathText(path: string | Uint8Array): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}

export function fdOf(fd: number): number {
  return integerIn('fd', fd, 0, MOST_INT);
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_EXCL, O_SYNC } = constants;
const FLAGS = new Map<string, number>([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['w', O_TRUNC | O_CREAT | O_WRONLY],
  ['wx', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['w+', O_TRUNC | O_CREAT | O_RDWR],
  ['wx+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['a', O_APPEND | O_CREAT | O_WRONLY],
  ['ax', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['as', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['a+', O_APPEND | O_CREAT | O_RDWR],
  ['ax+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['as+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
]);
/** Node takes these letters in either order. */
const SWAPPED = /^(s|x)(r|w|a)(\+?)$/;

/** The flags of open(2), from a number or one of Node's strings. */
export function flagsOf(flags: string | number | null | undefined): number {
  if (flags === null || flags === undefined) return O_RDONLY;
  if (typeof flags === 'number') return integerIn('flags', flags, -MOST_INT - 1, MOST_INT);
  const found = FLAGS.get(String(flags).replace(SWAPPED, '$2$1$3'));
  if (found === undefined) throw invalidValue('flags', 'one of the flags of open', flags);
  return found;
}

/** A mode from a number or octal digits. */
export function modeOf(mode: string | number | null | undefined, usual: number): number {
  if (mode === null || mode === undefined) return usual;
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode))
      throw invalidValue('mode', 'a 32-bit unsigned integer or an octal string', mode);
    mode = parseInt(mode, 8);
  }
  return integerIn('mode', mode, 0, 2 ** 32 - 1) | 0;
}

/** The encoding of names, or `'buffer'` for bytes. */
export type Encoding = BufferEncoding | 'buffer' | null;

/** Checks an encoding; undefined for none. */
export function encodingOf(encoding: Encoding | undefined): BufferEncoding | undefined {
  if (encoding === null || encoding === undefined || encoding === 'buffer') return undefined;
  if (!Buffer.isEncoding(encoding)) throw invalidValue('encoding', 'a known encoding', encoding);
  return encoding;
}

/** Options that may be just an encoding. */
export function optionsOf<O extends object>(options: O | Encoding | undefined): O & { encoding?: Encoding } {
  if (options === null || options === undefined) return {} as O;
  if (typeof options === 'string') return { encoding: options } as O & { encoding: Encoding };
  if (typeof options !== 'object')
    throw invalidType('options', 'of type string or an instance of Object', options);
  return options;
}

/** A position in a file as a number; null and undefined mean the current one. */
export function positionOf(position: number | bigint | null | undefined): number {
  if (position === null || position === undefined) return CURRENT_POSITION;
  if (typeof position === 'bigint') position = Number(position);
  return integerIn('position', position, CURRENT_POSITION, Number.MAX_SAFE_INTEGER);
}
