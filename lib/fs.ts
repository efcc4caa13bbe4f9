export {
  close,
  fdatasync,
  File,
  fstat,
  fsync,
  open,
  read,
  write,
  type Position,
  type TransferOptions,
} from './fs/file.js';
export { readdir, type ReaddirOptions } from './fs/directory.js';
export { access, exists, lstat, realpath, stat, type StatPathOptions } from './fs/metadata.js';
export {
  appendFile,
  readFile,
  writeFile,
  type ReadFileOptions,
  type WriteFileOptions,
} from './fs/whole_file.js';
export type { Encoding, PathLike } from './fs/arguments.js';
