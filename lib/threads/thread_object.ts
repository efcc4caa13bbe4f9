import { ThreadError } from './errors.js';

/** What an object that threads share does its work by: one for coroutines, or one in shared memory. */
export interface Core {
  destroyed: boolean;
  /** Whether threads hold it or wait for it. */
  readonly busy: boolean;
}

/** The options of what threads share. */
export interface ObjectOptions {
  /** Shown in errors and reports. */
  name?: string;
}

/** The base of locks and the like. */
export abstract class ThreadObject<C extends Core = Core> {
  /** @internal */
  readonly core: C;
  /** The name given to the constructor. */
  readonly name: string | undefined;

  /** @internal */
  protected constructor(core: C, name: string | undefined) {
    this.core = core;
    this.name = name;
  }

  /**
   * Ends its use: every later call on it throws `EINVAL`. Memory needs no such call. Never parks.
   *
   * @throws ThreadError (`EBUSY`) while threads hold it or wait for it, (`EINVAL`) the second time
   */
  destroy(): void {
    const core = this.usable('destroy');
    if (core.busy) throw new ThreadError('destroy', 'EBUSY', `${this.label} is in use`);
    core.destroyed = true;
  }

  /** Its name in errors. @internal */
  get label(): string {
    return this.name ?? 'it';
  }

  /** @throws ThreadError (`EINVAL`) @internal */
  usable(operation: string): C {
    if (this.core.destroyed) throw new ThreadError(operation, 'EINVAL', `${this.label} has been destroyed`);
    return this.core;
  }
}
