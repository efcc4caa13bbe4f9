import '../internal/buffers.js';
import { native } from '../internal/native.js';

/** What native/binding/fs.cc exports. Errors are negative numbers. */
interface FsNative {
  fsOpen: (path: string | Uint8Array, flags: number, mode: number) => number;
  fsClose: (fd: number) => number;
  fsRead: (fd: number, to: ArrayBufferView, offset: number, length: number, position: number) => number;
  fsWrite: (fd: number, from: ArrayBufferView, offset: number, length: number, position: number) => number;
  /**
   * Besides codes: codes less 100,000 times the place of the failed system call in {@link READ_FILE_CALLS}.
   */
  fsReadFile: (file: string | Uint8Array | number, utf8: boolean) => string | Buffer | number;
  /** The same with {@link WRITE_FILE_CALLS}; {@link MAY_BLOCK}, and nothing done, when open would wait. */
  fsWriteFile: (
    path: string | Uint8Array,
    flags: number,
    mode: number,
    data: ArrayBufferView,
    flush: boolean,
  ) => number;
  /** Numbers as lib/fs/stats.ts knows them. */
  fsStat: (path: string | Uint8Array) => number[] | number;
  fsLstat: (path: string | Uint8Array) => number[] | number;
  fsFstat: (fd: number) => number[] | number;
  fsReaddir: (path: string | Uint8Array, asBuffers: boolean) => (string | Buffer | number)[] | number;
  fsRealpath: (path: string | Uint8Array, asBuffer: boolean) => string | Buffer | number;
  fsAccess: (path: string | Uint8Array, mode: number) => number;
  fsSync: (fd: number, dataOnly: boolean) => number;
}

export const {
  fsOpen,
  fsClose,
  fsRead,
  fsWrite,
  fsReadFile,
  fsWriteFile,
  fsStat,
  fsLstat,
  fsFstat,
  fsReaddir,
  fsRealpath,
  fsAccess,
  fsSync,
} = native as unknown as FsNative;

export const READ_FILE_CALLS = ['open', 'fstat', 'read'] as const;
export const WRITE_FILE_CALLS = ['open', 'write', 'fsync', 'close'] as const;
export const CALL_FACTOR = 100_000;
export const MAY_BLOCK = -900_000;
/** The position that means the file's own. */
export const CURRENT_POSITION = -1;
