import { withSignal } from '../coroutine/signal.js';
import { invalidType } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { EPIPE, ETIMEDOUT } from '../internal/results.js';
import { readiness } from '../internal/readiness.js';
import { failSocket } from '../net/failure.js';
import { argumentsOf, start, type Child } from './child.js';
import { Conversation, Gathered } from './conversation.js';
import { checkPermission, isEmitted, MaxBufferError } from './errors.js';
import { childWait, Group } from './native.js';
import { amountOf, COMMON, commandOf, type Command, type CommonOptions } from './options.js';

/** The options of {@link execFile}. */
export interface ExecFileOptions extends CommonOptions {
  /** Of the results: text, or bytes with `'buffer'` and null. Default: `'utf8'`. */
  encoding?: BufferEncoding | 'buffer' | null;
  /** The most bytes that standard output may come to, and standard error; more ends the child. Default: 1 MiB. */
  maxBuffer?: number;
  /** What the child finds as its standard input. Default: nothing. */
  input?: string | NodeJS.ArrayBufferView;
}

/** The options of {@link exec}. */
export interface ExecOptions extends Omit<ExecFileOptions, 'shell'> {
  /** The shell that runs the command. Default: `/bin/sh`. */
  shell?: string;
}

/** What a child has written. */
export interface Output<T extends string | Buffer = string> {
  /** To its standard output. */
  stdout: T;
  /** To its standard error. */
  stderr: T;
}

type AsBytes = { encoding: 'buffer' | null };

const KNOWN = new Set([...COMMON, 'encoding', 'maxBuffer', 'input']);
const MOST = 1024 * 1024;
const ANY_TIME = -1;
const NAMES = ['stdout', 'stderr'] as const;

/** What `execFile` has with a child. */
class Exchange extends Conversation {
  readonly outputs: readonly Gathered[];

  constructor(child: Child, input: Uint8Array | undefined, private readonly most: number) {
    const outputs = [new Gathered(child.stdout!), new Gathered(child.stderr!)];
    super(child, input, outputs);
    this.outputs = outputs;
  }

  /**
   * Until the child has ended and nobody has its outputs any more, for at most `ms` (0: any time). Returns what is to end the
   * child: the time, or too much output. Parks.
   */
  run(ms: number): 'timeout' | MaxBufferError | undefined {
    const until = ms > 0 ? performance.now() + ms : Infinity;
    for (;;) {
      const { exit } = this.child;
      // A process that still has the other end of it does not read for this call.
      if (exit) this.stopFeeding();
      const waited = this.waitedFor();
      if (exit && waited.length === 0) return undefined;
      const left = until === Infinity ? ANY_TIME : Math.max(0, until - performance.now());
      if (left === 0) return 'timeout';
      if (!this.outputs.some(({ more }) => more)) {
        const sockets = Int32Array.from(waited);
        const code = exit ? readiness.netSelect(sockets, left) : childWait(this.child.handle, sockets, left);
        if (code === ETIMEDOUT) return 'timeout';
        if (code < 0) fail(code, 'child_process.execFile');
      }
      if (this.feeding) this.feed();
      for (const [i, output] of this.outputs.entries()) {
        if (!output.take(this.most)) return new MaxBufferError(NAMES[i]!);
      }
    }
  }

  protected override feedFailed(code: number): void {
    // It has closed its standard input, as a program may that has read enough.
    if (code !== EPIPE) failSocket(this.child.stdin!.handle, code, 'child_process.execFile', 'write');
  }
}

/**
 * Runs a program, and returns what it has written. Parks until it has ended and its outputs are closed, by whatever it has started
 * as well.
 *
 * When `timeout`, `maxBuffer` or an interruption ends the call, the child is ended, with everything that it has started and that
 * can be found, by `killSignal`, and after `killGrace` milliseconds by SIGKILL: the call returns when that is done. For this the
 * child leads a group of its own, unless this process has a controlling terminal: there Ctrl-C has to reach the child too, and
 * its descendants are looked for instead.
 *
 * @param args without the name of the program, which comes first by itself
 * @throws an error as of `node:child_process` when the exit code is not 0 or a signal has ended the child: `code`, `signal`, `killed`,
 *   `cmd`, `stdout` and `stderr` tell more; MaxBufferError (`ERR_CHILD_PROCESS_STDIO_MAXBUFFER`); the system's error if the program
 *   cannot be started (`ENOENT`, `EACCES`, `E2BIG`, ...); TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`,
 *   `ERR_UNKNOWN_OPTION`, `ERR_UNKNOWN_SIGNAL`), RangeError (`ERR_OUT_OF_RANGE`), an error (`ERR_ACCESS_DENIED`) where Node's permission
 *   model forbids it, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
 *   signal's reason
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { execFile } from 'stackful/child_process';
 *
 * await spawn(() => {
 *   console.log(execFile('echo', ['hello']).stdout.trim()); // hello
 *   console.log(execFile('wc', ['-c'], { input: 'four' }).stdout.trim()); // 4
 *   try {
 *     execFile('ls', ['/no/such/place']);
 *   } catch (error) {
 *     console.log((error as { code: number }).code > 0); // true
 *   }
 * });
 * ```
 */
export function execFile(file: string, args: readonly string[], options: ExecFileOptions & AsBytes): Output<Buffer>;
export function execFile(file: string, options: ExecFileOptions & AsBytes): Output<Buffer>;
export function execFile(file: string, args?: readonly string[] | null, options?: ExecFileOptions & { encoding?: BufferEncoding }): Output;
export function execFile(file: string, options?: ExecFileOptions & { encoding?: BufferEncoding }): Output;
export function execFile(
  file: string, args?: readonly string[] | ExecFileOptions | null, options?: ExecFileOptions,
): Output<string | Buffer> {
  return run('child_process.execFile', file, ...argumentsOf(args, options));
}

/**
 * Runs a command in a shell, and returns what it has written: {@link execFile} with `shell: true`. Text from outside does not belong
 * into a command: give it to `execFile` as an argument. Parks.
 *
 * @throws as {@link execFile}; an unknown command is the shell's exit code 127
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { exec } from 'stackful/child_process';
 *
 * const { stdout } = await spawn(() => exec('echo $((6 * 7)) | tr 4 5'));
 * console.log(stdout.trim()); // 52
 * ```
 */
export function exec(command: string, options: ExecOptions & AsBytes): Output<Buffer>;
export function exec(command: string, options?: ExecOptions & { encoding?: BufferEncoding }): Output;
export function exec(command: string, options?: ExecOptions): Output<string | Buffer> {
  const [, given] = argumentsOf<ExecOptions>(options, undefined);
  return run('child_process.exec', command, [], { ...given, shell: typeof given.shell === 'string' ? given.shell : true });
}

function run(operation: string, file: string, args: readonly string[], options: ExecFileOptions): Output<string | Buffer> {
  checkPermission();
  const command = commandOf(operation, file, args, options, KNOWN);
  const { input, signal, encoding = 'utf8' } = options;
  const most = amountOf('options.maxBuffer', options.maxBuffer ?? MOST);
  // As in Node, an encoding that there is not gives bytes.
  const known = encoding !== null && encoding !== 'buffer' && Buffer.isEncoding(encoding) ? encoding : undefined;
  const bytes = bytesOf(input);
  const cmd = [file, ...args].join(' ');
  const work = () => runCommand(operation, command, cmd, bytes, most, known);
  return signal ? withSignal(signal, work) : work();
}

function bytesOf(input: string | NodeJS.ArrayBufferView | undefined): Uint8Array | undefined {
  if (input === undefined) return undefined;
  if (typeof input === 'string') return Buffer.from(input);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  throw invalidType('options.input', 'of type string or an instance of Buffer, TypedArray or DataView', input);
}

function runCommand(
  operation: string, command: Command, cmd: string, input: Uint8Array | undefined, most: number, encoding: BufferEncoding | undefined,
): Output<string | Buffer> {
  const child = begin(operation, command, cmd, input, encoding);
  const exchange = new Exchange(child, input, most);
  let stopped: ReturnType<Exchange['run']>;
  try {
    stopped = exchange.run(command.timeout);
    if (stopped !== undefined) child.end();
  } catch (error) {
    child.end();
    throw error;
  } finally {
    // After the signal: what it still writes is not wanted, and would end it by another one.
    child.release();
  }
  const [stdout, stderr] = exchange.outputs.map((output) => output.as(encoding)) as [string, string];
  const { code, signal } = child.exit ?? { code: null, signal: null };
  if (!(stopped instanceof MaxBufferError) && code === 0) return { stdout, stderr };
  const error = stopped instanceof MaxBufferError
    ? stopped
    : Object.assign(new Error(`Command failed: ${cmd}\n${stderr}`), { code, killed: child.killed, signal });
  throw Object.assign(error, { cmd, stdout, stderr });
}

function begin(
  operation: string, command: Command, cmd: string, input: Uint8Array | undefined, encoding: BufferEncoding | undefined,
): Child {
  try {
    return start(operation, command, [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], Group.ownUnlessTerminal);
  } catch (error) {
    const nothing = encoding === undefined ? Buffer.alloc(0) : '';
    if (isEmitted(error as NodeJS.ErrnoException)) Object.assign(error as object, { cmd, stdout: nothing, stderr: nothing });
    throw error;
  }
}
