import { check } from '../internal/codes.js';
import { systemError } from '../internal/system_errors.js';
import { EBADF } from '../internal/results.js';
import { admitting, awaitDescriptor } from '../schedule/admission.js';
import { fdOf, flagsOf, modeOf, pathOf, pathText, type PathLike } from './arguments.js';
import { fsClose, fsOpen } from './native.js';

const CLOSED = -1;

/** Closes files that are collected without having been closed. */
const abandoned = new FinalizationRegistry<number>(fsClose);

/**
 * The descriptor of `file`, which stays open until {@link giveBack}: after a close its number could be another file's by
 * the time a pool thread uses it. Two functions, because one that takes a closure costs 60 ns and 100 bytes a read.
 */
export let borrow: (file: Descriptor | number, syscall: string) => number;
export let giveBack: (file: Descriptor | number) => void;

/** An open descriptor: the part of a File that closing needs. */
export abstract class Descriptor implements Disposable {
  private descriptor: number;
  private users = 0;
  private closing = false;

  static {
    borrow = (file, syscall) => {
      if (!(file instanceof Descriptor)) return fdOf(file);
      if (file.descriptor === CLOSED) throw systemError(EBADF, syscall);
      file.users++;
      return file.descriptor;
    };
    giveBack = (file) => {
      if (!(file instanceof Descriptor)) return;
      file.users--;
      if (file.closing) file.closeUnused();
    };
  }

  /** @internal */
  constructor(fd: number) {
    this.descriptor = fd;
    abandoned.register(this, fd, this);
  }

  /** The descriptor, which nothing but this object may close: its number would be another one's by then. -1 when closed. */
  get fd(): number {
    return this.closing ? CLOSED : this.descriptor;
  }

  /**
   * Closes the file; while other coroutines are in calls on it, the last of these closes it. Closing again does nothing.
   * Parks if the file was written to and the caller can park. An interrupted close still closes the file, a little later.
   */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    abandoned.unregister(this);
    this.closeUnused();
  }

  /** For `using`: {@link close}. */
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

/** Runs `use` with the descriptor of `file`, which stays open meanwhile. */
export function withDescriptor<R>(file: Descriptor | number, syscall: string, use: (fd: number) => R): R {
  const fd = borrow(file, syscall);
  try {
    return use(fd);
  } finally {
    giveBack(file);
  }
}

/** @internal */
export function openDescriptor(
  path: PathLike,
  flags?: string | number | null,
  mode?: string | number | null,
): number {
  const where = pathOf(path);
  if (admitting) awaitDescriptor('open');
  const fd = fsOpen(where, flagsOf(flags), modeOf(mode, 0o666));
  return fd < 0 ? check(fd, 'open', 'open', { path: pathText(where) }) : fd;
}
