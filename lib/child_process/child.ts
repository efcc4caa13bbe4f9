import { withSignal } from '../coroutine/signal.js';
import { booleanOf, invalidType } from '../internal/arguments.js';
import { check, fail } from '../internal/codes.js';
import { running } from '../internal/current.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { isInterruption } from '../internal/results.js';
import { CLOSED } from '../net/native.js';
import { checkPermission, startError } from './errors.js';
import { Family, later } from './ending.js';
import { childFree, childKill, childStart, childStatus, childWait, Group, RUNNING, SIGNAL_FACTOR, Stdio, UNKNOWN } from './native.js';
import { COMMON, commandOf, nameOfSignal, signalNumber, type Command, type CommonOptions } from './options.js';
import { ChildPipe } from './pipe.js';
import { flushAll, planOf, type StdioOptions, type StdioPlan } from './stdio.js';

/** The options of {@link spawn}. */
export interface SpawnOptions extends CommonOptions {
  /** The child's descriptors. Default: `'pipe'`. */
  stdio?: StdioOptions;
  /** Whether the child leads a session of its own, with a group, which no terminal's Ctrl-C reaches. Default: false. */
  detached?: boolean;
}

/** How a process has ended. */
export interface ChildExit {
  /** Its exit code; null if a signal has ended it. */
  code: number | null;
  /** The signal that has ended it. */
  signal: NodeJS.Signals | null;
}

const KNOWN = new Set([...COMMON, 'stdio', 'detached']);
const ANY_TIME = -1;

/** Processes go on when they are forgotten. */
const abandoned = new FinalizationRegistry<number>(childFree);

/**
 * A process that {@link spawn} has started. It is reaped when it ends, whether or not a coroutine waits for it; it goes on when
 * it is forgotten, and when this process ends. Only waiting for it keeps this process alive.
 */
export class Child implements Disposable {
  /** The process's number. */
  readonly pid: number;
  /** Its standard input; null if that is no pipe. */
  readonly stdin: ChildPipe | null;
  /** Its standard output; null if that is no pipe. */
  readonly stdout: ChildPipe | null;
  /** Its standard error; null if that is no pipe. */
  readonly stderr: ChildPipe | null;
  /** All its pipes by the number that the child has them under; null where it has something else. */
  readonly stdio: readonly (ChildPipe | null)[];
  /** The program that was started: the shell, for a command that a shell runs. */
  readonly spawnfile: string;
  /** Its arguments, the first of which is its name. */
  readonly spawnargs: readonly string[];
  /** Whether {@link kill} has sent it a signal. */
  killed = false;
  /** @internal */
  readonly handle: number;
  /** How it has ended, once that was asked. */
  private known: ChildExit | undefined;
  /** Nothing remains to be sent to what it has started. */
  private ended = true;
  private readonly command: Command;
  private readonly endings: (() => void)[] = [];

  /** @internal */
  constructor(command: Command, [handle, pid, ...ends]: number[], plan: StdioPlan) {
    this.handle = handle!;
    this.pid = pid!;
    this.command = command;
    this.spawnfile = command.file;
    this.spawnargs = command.args;
    this.stdio = ends.map((end, i) => (end === CLOSED ? null : new ChildPipe(end, plan.numbers[3 * i] === Stdio.bothWays)));
    const [stdin, stdout, stderr] = this.stdio;
    this.stdin = stdin!;
    this.stdout = stdout!;
    this.stderr = stderr!;
    abandoned.register(this, this.handle, this);
  }

  /** The exit code; null while it runs, and if a signal has ended it. */
  get exitCode(): number | null {
    return this.exit?.code ?? null;
  }

  /** The signal that has ended it; null while it runs, and if none has. */
  get signalCode(): NodeJS.Signals | null {
    return this.exit?.signal ?? null;
  }

  /** How it has ended; undefined while it runs. @internal */
  get exit(): ChildExit | undefined {
    return (this.known ??= exitOf(childStatus(this.handle)));
  }

  /**
   * Waits until the process has ended. Any number of coroutines may, and it may have ended before. What it has written can still
   * be read; a process that writes more than a pipe holds (64 KiB) does not end before it is read. Parks. An interruption ends
   * the wait and not the process.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
   *   signal's reason
   */
  wait(options?: ParkOptions): ChildExit {
    const signal = signalIn('child.wait', options);
    if (signal) return withSignal(signal, () => this.wait());
    checkpoint('child.wait');
    for (;;) {
      const { exit } = this;
      if (exit) {
        this.settle();
        return { ...exit };
      }
      check(childWait(this.handle, undefined, ANY_TIME), 'child.wait');
    }
  }

  /**
   * Sends the process a signal. It alone: {@link Symbol.dispose} and the time limit end what it has started, too. Never parks.
   *
   * @param signal default: SIGTERM
   * @returns whether there was a process to send it to
   * @throws TypeError (`ERR_UNKNOWN_SIGNAL`); the system's error (`EPERM`)
   */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = signalNumber(signal);
    const code = childKill(this.handle, number, false);
    if (code < 0 && !this.exit) fail(code, 'child.kill', 'kill');
    if (code === 0 && number !== 0) this.killed = true;
    return code === 0;
  }

  /**
   * For `using`: ends the process, unless it has ended, and everything it has started that can be found: its group if it leads one,
   * otherwise its descendants. First by `killSignal`, after `killGrace` milliseconds by SIGKILL. Closes its pipes. Parks until they
   * have ended; outside a coroutine it only sends the first signal.
   */
  [Symbol.dispose](): void {
    try {
      if (!this.exit) this.end();
    } finally {
      this.release();
    }
  }

  /** Ends what it has started, and itself unless it has ended, as the options say. Parks, if it is to `wait`. @internal */
  end(wait = true): void {
    this.killed = true;
    this.ended = new Family(this).end(this.command.killSignal, this.command.killGrace, wait);
  }

  /** What ends the process without a coroutine: the option `timeout`, and `signal`. @internal */
  endOn(signal: AbortSignal | undefined): void {
    const { timeout } = this.command;
    // Not even if a coroutine aborts the signal: it is in the middle of that.
    const endIt = () => { if (!this.exit) this.end(false); };
    if (timeout > 0) this.endings.push(later(timeout, endIt));
    if (signal?.aborted) endIt();
    else if (signal) {
      signal.addEventListener('abort', endIt, { once: true });
      this.endings.push(() => { signal.removeEventListener('abort', endIt); });
    }
  }

  /** Closes the pipes, and forgets the process if it has ended. @internal */
  release(): void {
    for (const pipe of this.stdio) pipe?.close();
    this.settle();
    if (!this.exit || !this.ended) return;
    abandoned.unregister(this);
    childFree(this.handle);
  }

  private settle(): void {
    for (const ending of this.endings.splice(0)) ending();
  }
}

function exitOf(status: number): ChildExit | undefined {
  if (status === RUNNING) return undefined;
  if (status === UNKNOWN) return { code: null, signal: null };
  const signal = Math.floor(status / SIGNAL_FACTOR);
  return signal > 0 ? { code: null, signal: nameOfSignal(signal) } : { code: status, signal: null };
}

/** Starts a process. Parks. @internal */
export function start(operation: string, command: Command, stdio: StdioOptions | undefined, group: number): Child {
  checkpoint(operation);
  flushAll(stdio);
  // From here until native code has copies of all descriptors nothing parks: none of them can be closed meanwhile.
  const plan = planOf(stdio);
  const { file, args, env, cwd, uid, gid } = command;
  const numbers = Int32Array.from(plan.numbers);
  // They are the child's from here on, also if it does not start: the descriptor becomes a blocking one there.
  for (const socket of plan.sockets) socket.release(operation);
  const result = childStart(file, `${args.join('\0')}\0`, env, cwd, uid, gid, group, numbers);
  if (typeof result === 'number') throw startError(result, file, args, operation);
  const child = new Child(command, result, plan);
  const code = running[1]!;
  if (code >= 0 || !isInterruption(code)) return child;
  // An interruption while it was being started ends it, with what it has started since.
  child[Symbol.dispose]();
  fail(code, operation);
}

/**
 * Starts a process. Parks until its program runs.
 *
 * The child has pipes as its standard input, output and error, if `stdio` says nothing else; it inherits no other descriptor. A
 * `Socket` or {@link ChildPipe} in `stdio` is the child's from then on, and closed here: so children can be joined like commands
 * in a shell. An interruption of this call leaves no process. `timeout` and `signal` end the process and everything it has started
 * that can be found, {@link Child.kill} only itself.
 *
 * @param args without the name of the program, which comes first by itself
 * @throws the system's error as Node gives it (`ENOENT`, `EACCES`, `E2BIG`, ...); TypeError (`ERR_INVALID_ARG_TYPE`,
 *   `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`, `ERR_UNKNOWN_SIGNAL`), RangeError (`ERR_OUT_OF_RANGE`), an error
 *   (`ERR_ACCESS_DENIED`) where Node's permission model forbids it, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError
 *   (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
 *
 * @example
 * ```ts
 * import { spawn as go } from 'stackful';
 * import { spawn } from 'stackful/child_process';
 *
 * await go(() => {
 *   using sort = spawn('sort', ['-n']);
 *   sort.stdin!.write('10\n9\n');
 *   sort.stdin!.end();
 *   console.log([...sort.stdout!.lines()].join(' ')); // 9 10
 *   console.log(sort.wait().code); // 0
 * });
 * ```
 */
export function spawn(file: string, args: readonly string[], options?: SpawnOptions): Child;
export function spawn(file: string, options?: SpawnOptions): Child;
export function spawn(file: string, args?: readonly string[] | SpawnOptions, options?: SpawnOptions): Child {
  const [list, given] = argumentsOf(args, options);
  checkPermission();
  const command = commandOf('child_process.spawn', file, list, given, KNOWN);
  const { signal, detached = false, stdio } = given;
  booleanOf('options.detached', detached);
  const begin = () => start('child_process.spawn', command, stdio, detached ? Group.session : Group.ours);
  const child = signal ? withSignal(signal, begin) : begin();
  child.endOn(signal);
  return child;
}

/** Arguments may be left out. @throws TypeError (`ERR_INVALID_ARG_TYPE`) @internal */
export function argumentsOf<O extends object>(
  args: readonly string[] | O | null | undefined,
  options: O | null | undefined,
): [readonly string[], O] {
  if (Array.isArray(args)) return [args as readonly string[], objectOf(options)];
  if (args === undefined || args === null) return [[], objectOf(options)];
  if (typeof args !== 'object') throw invalidType('args', 'an array or an object', args);
  return [[], args as O];
}

function objectOf<O extends object>(options: O | null | undefined): O {
  if (options === undefined || options === null) return {} as O;
  if (typeof options !== 'object' || Array.isArray(options)) throw invalidType('options', 'of type object', options);
  return options;
}
