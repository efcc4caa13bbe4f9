import fs, { type Dir } from 'node:fs';

import * as ours from '../fs.js';
import { byNode, type Done } from '../fs/by_node.js';
import { byCallback } from './by_node.js';
import { isCalledByNode } from './nodes_own.js';
import { ORIGINAL, type AnyFunction, type Target } from './replacement.js';

/** What the arguments of a function have to be, letter by letter, for our form of it to give what Node's gives. */
type Shape = string;

const isPath = (value: unknown) => typeof value === 'string' || value instanceof Uint8Array || value instanceof URL;
const isDescriptor = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  p: isPath,
  d: isDescriptor,
  // Either.
  e: (value) => isPath(value) || isDescriptor(value),
  // Options: ours have some that Node's do not.
  o: (value) => value === undefined || typeof value === 'string' || (isPlain(value) && value['signal'] === undefined),
  // Options that are no encoding.
  O: (value) => value === undefined || (isPlain(value) && value['signal'] === undefined),
  // Anything: both check it.
  a: () => true,
  // Present, and no option.
  n: (value) => value !== undefined && value !== null,
};

function fits(shape: Shape, args: readonly unknown[]): boolean {
  for (let i = 0; i < shape.length; i++) if (!CHECKS[shape[i]!]!(args[i])) return false;
  return args.length <= shape.length;
}

/** Errors about arguments. Node words them by itself: its function is called, too, and throws before it does anything. */
function isArgumentError(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return (error instanceof TypeError || error instanceof RangeError) && typeof code === 'string' && code.startsWith('ERR_');
}

type Park = Target['park'];

/** Our form of a function, which takes the same arguments. */
function bySame(shape: Shape, call: (...args: never[]) => unknown): Park {
  return (args) => {
    if (!fits(shape, args)) return ORIGINAL;
    return orOriginal(() => (call as AnyFunction)(...args));
  };
}

function orOriginal(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (isArgumentError(error)) return ORIGINAL;
    throw error;
  }
}

/**
 * For functions whose errors Node words differently in its two forms: after an error of the system its sync form is called, too,
 * and fails at once. Not for calls that would have done a part already.
 */
function wordedByNode(park: Park): Park {
  return (args, receiver, original) => {
    try {
      return park(args, receiver, original);
    } catch (error) {
      if (typeof (error as { errno?: unknown } | undefined)?.errno === 'number') return ORIGINAL;
      throw error;
    }
  };
}

/** The errors of descriptors name another system call, by the version. */
function wordedByNodeOnDescriptors(park: Park): Park {
  const worded = wordedByNode(park);
  return (args, receiver, original) => (typeof args[0] === 'number' ? worded : park)(args, receiver, original);
}

/** Which errors `throwIfNoEntry` keeps back depends on the version. */
const statBy = (call: (path: string, options: { bigint: boolean }) => unknown): Park =>
  wordedByNode(bySame('pO', (path: string, options?: { bigint?: unknown }) => call(path, { bigint: options?.bigint === true })));

/** `rmSync` of Node 24 treats links in its own way. */
function unlessLink(park: Park): Park {
  return (args, receiver, original) => {
    if (!fits('pO', args)) return ORIGINAL;
    const there = ours.lstat(args[0] as string, { throwIfNoEntry: false });
    return there?.isSymbolicLink() === true ? ORIGINAL : park(args, receiver, original);
  };
}

/** What `cpSync` does with links, and before it refuses something, it does in its own way. */
function ofFilesAndTrees(park: Park): Park {
  return (args, receiver, original) => {
    if (!fits('ppO', args)) return ORIGINAL;
    const there = ours.lstat(args[0] as string, { throwIfNoEntry: false });
    const { recursive } = (args[2] ?? {}) as { recursive?: unknown };
    return there && (there.isFile() || (there.isDirectory() && recursive === true)) ? park(args, receiver, original) : ORIGINAL;
  };
}

/** `glob` of Node 24 does not check what `globSync` checks. */
const glob: Park = (args, receiver, original) =>
  String(args[0]).includes('\0') ? ORIGINAL : bySame('aO', ours.glob)(args, receiver, original);

/** Files that were written to in coroutines: to close one may take as long as a disk. */
const written = new Set<number>();

function writing(park: Park): Park {
  return (args, receiver, original) => {
    if (typeof args[0] === 'number') written.add(args[0]);
    return park(args, receiver, original);
  };
}

/**
 * Node's own code relies on no other code running while it reads a module: a second `import()` or `require` of it meanwhile would make a
 * second module. It calls `readFileSync`, or from inside of that `openSync`, `readSync` and `closeSync`. Its other callers keep what they
 * write in order in the same way.
 */
function notForNode(park: Park): Park {
  return (args, receiver, original) => (isCalledByNode() ? ORIGINAL : park(args, receiver, original));
}

const open: Park = (args) => {
  if (!fits('paa', args)) return ORIGINAL;
  return orOriginal(() => byNode<number>('fs.openSync', args[0], (done) => {
    fs.open(args[0] as string, (args[1] ?? 'r') as string, args[2] as number, done as Done<number | undefined>);
  }, { abandoned: (fd) => { fs.close(fd, () => undefined); } }));
};

const close: Park = (args) => {
  const [fd] = args as [number];
  if (!written.delete(fd)) return ORIGINAL;
  return byNode<void>('fs.closeSync', fd, (done) => { fs.close(fd, done); }, { changes: true });
};

const opendir: Park = (args) => {
  if (!fits('po', args)) return ORIGINAL;
  // Node throws for it in the callback.
  const { bufferSize } = (args[1] ?? {}) as { bufferSize?: unknown };
  if (bufferSize !== undefined && !(isDescriptor(bufferSize) && bufferSize !== 0)) return ORIGINAL;
  return byNode<Dir>('fs.opendirSync', args[0], (done) => {
    fs.opendir(args[0] as string, args[1] as object, done as Done<Dir | undefined>);
  }, { abandoned: (dir) => { dir.close(() => undefined); } });
};

const readDir: Park = (args, receiver) => {
  if (args.length > 0 || !(receiver instanceof fs.Dir)) return ORIGINAL;
  // Given up half-way, the closeSync of a finally block would throw, and the descriptor would be lost.
  return byNode('fs.Dir.readSync', receiver.path, (done) => { receiver.read(done); }, { changes: true });
};

const closeDir: Park = (args, receiver) => {
  if (args.length > 0 || !(receiver instanceof fs.Dir)) return ORIGINAL;
  return byNode<void>('fs.Dir.closeSync', receiver.path, (done) => { receiver.close(done); }, { changes: true });
};

const realpath: Park = (args) =>
  // The loader of modules gives options that are its own.
  args[1] !== undefined && typeof args[1] !== 'string' ? ORIGINAL : byCallback('fs.realpathSync', args[0], fs.realpath, args, 2);

/** Functions of the user's run in the coroutine with Node's sync form, and elsewhere with the other. */
function unlessGiven(option: string, at: number, park: Park): Park {
  return (args, receiver, original) =>
    (args[at] as Record<string, unknown> | undefined)?.[option] === undefined ? park(args, receiver, original) : ORIGINAL;
}

/** By their names without `Sync`. */
const FORMS: Readonly<Record<string, Park>> = {
  access: bySame('pa', ours.access),
  appendFile: writing(bySame('eao', ours.appendFile)),
  chmod: bySame('pn', ours.chmod),
  chown: bySame('pnn', ours.chown),
  close: notForNode(close),
  copyFile: bySame('ppa', ours.copyFile),
  cp: unlessGiven('filter', 2, wordedByNode(ofFilesAndTrees(bySame('ppO', ours.cp)))),
  exists: bySame('p', ours.exists),
  fchmod: bySame('dn', ours.fchmod),
  fchown: bySame('dnn', ours.fchown),
  fdatasync: bySame('d', ours.fdatasync),
  fstat: bySame('dO', ours.fstat),
  fsync: notForNode(bySame('d', ours.fsync)),
  ftruncate: writing(bySame('da', ours.ftruncate)),
  futimes: bySame('dnn', ours.futimes),
  glob: unlessGiven('exclude', 1, glob),
  lchown: bySame('pnn', ours.lchown),
  link: bySame('pp', ours.link),
  lstat: statBy(ours.lstat),
  lutimes: bySame('pnn', ours.lutimes),
  mkdir: wordedByNode(bySame('pa', ours.mkdir)),
  mkdtemp: bySame('po', ours.mkdtemp),
  open: notForNode(open),
  openAsBlob: bySame('pO', ours.openAsBlob),
  opendir: wordedByNode(opendir),
  read: notForNode(bySame('daaaa', ours.read)),
  readdir: bySame('po', ours.readdir),
  readFile: notForNode(wordedByNodeOnDescriptors(bySame('eo', ours.readFile))),
  readlink: bySame('po', ours.readlink),
  readv: notForNode(bySame('daa', ours.readv)),
  realpath: notForNode(wordedByNode(realpath)),
  rename: bySame('pp', ours.rename),
  rm: wordedByNode(unlessLink(bySame('pO', ours.rm))),
  rmdir: bySame('pO', ours.rmdir),
  stat: statBy(ours.stat),
  statfs: bySame('pO', ours.statfs),
  symlink: bySame('ppa', ours.symlink),
  truncate: bySame('pa', ours.truncate),
  unlink: bySame('p', ours.unlink),
  utimes: bySame('pnn', ours.utimes),
  write: notForNode(writing(bySame('daaaa', ours.write))),
  writeFile: writing(bySame('eao', ours.writeFile)),
  writev: writing(bySame('daa', ours.writev)),
};

/** What `patch` replaces of node:fs: what this Node has of it. */
export function fsTargets(): Target[] {
  const targets: Target[] = [];
  for (const [name, park] of Object.entries(FORMS)) {
    targets.push({ name: `fs.${name}Sync`, holder: fs, key: `${name}Sync`, park, closes: name === 'close' });
  }
  targets.push(
    { name: 'fs.realpathSync.native', holder: fs.realpathSync, key: 'native', park: bySame('po', ours.realpath) },
    { name: 'fs.Dir.prototype.readSync', holder: fs.Dir.prototype, key: 'readSync', park: readDir },
    { name: 'fs.Dir.prototype.closeSync', holder: fs.Dir.prototype, key: 'closeSync', park: closeDir, closes: true },
  );
  return targets;
}
