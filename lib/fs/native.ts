import '../internal/buffers.js';
import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';

/** In the order of `enum class CallKind` in native/disk/file.h. */
export const Call = {
  access: 0,
  rename: 1,
  link: 2,
  symlink: 3,
  unlink: 4,
  rmdir: 5,
  mkdir: 6,
  chmod: 7,
  fchmod: 8,
  ftruncate: 9,
  copyFile: 10,
  readlink: 11,
  mkdtemp: 12,
} as const;
export type Call = (typeof Call)[keyof typeof Call];

/** The exports of native/binding/fs.cc and fs_names.cc. Errors are negative numbers. */
interface FsNative {
  /** The descriptor is for fsClose to close, and closed when the thread ends before. */
  fsOpen: (path: string | Uint8Array, flags: number, mode: number) => number;
  fsClose: (fd: number) => number;
  fsRead: (fd: number, to: ArrayBufferView, offset: number, length: number, position: number) => number;
  fsWrite: (fd: number, from: ArrayBufferView, offset: number, length: number, position: number) => number;
  /**
   * An error is the code minus 100,000 times the index of the failed system call in {@link FILE_CALLS}. Two numbers, for a path: the
   * descriptor and the size of a large file, which is still to be read, and to be closed.
   */
  fsReadFile: (file: string | Uint8Array | number, utf8: boolean) => string | Buffer | number | [fd: number, size: number];
  /** The same. MAY_BLOCK: open would wait, so nothing was done. */
  fsWriteFile: (
    path: string | Uint8Array,
    flags: number,
    mode: number,
    data: ArrayBufferView,
    flush: boolean,
  ) => number;
  /** What these three gave is in `fsStatNumbers` until another coroutine runs; see lib/fs/stats.ts. */
  fsStat: (path: string | Uint8Array, bigint: boolean) => number;
  fsLstat: (path: string | Uint8Array, bigint: boolean) => number;
  fsFstat: (fd: number, bigint: boolean) => number;
  fsStatNumbers: ArrayBuffer;
  fsExists: (path: string | Uint8Array) => number;
  /** Names; `withTypes`: each followed by its type as readdir(3) has it. */
  fsReaddir: (path: string | Uint8Array, asBuffers: boolean, withTypes: boolean) => (string | Buffer | number)[] | number;
  fsRealpath: (path: string | Uint8Array, asBuffer: boolean) => string | Buffer | number;
  fsSync: (fd: number, dataOnly: boolean) => number;
  /** One system call of {@link Call}; those that give text give its bytes. */
  fsCall: (call: Call, path: string | Uint8Array | number, other: string | Uint8Array | undefined, number: number) => number | Buffer;
}

const originals = native as unknown as FsNative;

export let {
  fsOpen, fsClose, fsRead, fsWrite, fsReadFile, fsWriteFile, fsStat, fsLstat, fsFstat, fsStatNumbers, fsExists,
  fsReaddir, fsRealpath, fsSync, fsCall,
} = originals;

seam('fs', originals, (calls) => {
  ({
    fsOpen, fsClose, fsRead, fsWrite, fsReadFile, fsWriteFile, fsStat, fsLstat, fsFstat, fsStatNumbers, fsExists,
    fsReaddir, fsRealpath, fsSync, fsCall,
  } = calls);
});

/** In the order of `enum class FileCall` in native/disk/file.h. */
export const FILE_CALLS = ['open', 'fstat', 'read', 'write', 'fsync', 'close'] as const;
export const CALL_FACTOR = 100_000;
/** The position that stands for the file's current one. */
export const CURRENT_POSITION = -1;
