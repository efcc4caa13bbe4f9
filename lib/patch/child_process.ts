import { constants } from 'node:os';

import { Child } from '../child_process/child.js';
import { Conversation, Gathered } from '../child_process/conversation.js';
import { childStart, childWait, Group } from '../child_process/native.js';
import { planOf, type StdioEntry } from '../child_process/stdio.js';
import { fail } from '../internal/codes.js';
import { readiness } from '../internal/readiness.js';
import { ETIMEDOUT, isInterruption } from '../internal/results.js';

import { ORIGINAL, type Target } from './replacement.js';

/** What Node's sync functions of node:child_process give to the native half of all three, after they have checked everything. */
interface Request {
  file: string;
  args: string[];
  cwd?: string;
  envPairs?: string[];
  stdio: { type: string; fd?: number; input?: unknown; readable?: boolean; writable?: boolean }[];
  uid?: number;
  gid?: number;
  detached?: boolean;
  timeout?: number;
  maxBuffer?: number;
  killSignal?: number;
}

/** What they get from it. */
interface Result {
  pid: number;
  status: number | null;
  signal: NodeJS.Signals | null;
  output: (Buffer | null)[] | null;
  error?: number;
}

const OPERATION = 'child_process.spawnSync';
const OURS = -1;
const ANY_TIME = -1;
const ENOBUFS = -constants.errno.ENOBUFS;
const GRACE_MS = 5000;

/** What the sync functions have with a child. */
class Exchange extends Conversation {
  error: number | undefined;
  private killed = false;

  constructor(
    child: Child,
    input: Uint8Array | undefined,
    /** One for each of the child's descriptors. */
    readonly outputs: readonly (Gathered | null)[],
    private readonly request: Request,
  ) {
    const feeds = input !== undefined && input.length > 0 && child.stdin !== null;
    super(child, feeds ? input : undefined, outputs.filter((output) => output !== null));
    if (!this.feeding) child.stdin?.close();
  }

  /** Until it has ended and nobody has its outputs any more; after the time or too much output has killed it until it has ended. */
  run(): void {
    const { timeout = 0 } = this.request;
    const until = timeout > 0 ? performance.now() + timeout : Infinity;
    for (;;) {
      const { exit } = this.child;
      const waited = this.waitedFor();
      if (exit && (this.killed || waited.length === 0)) return;
      const left = until === Infinity || this.killed ? ANY_TIME : Math.max(0, until - performance.now());
      if (left === 0) {
        this.kill(ETIMEDOUT);
        continue;
      }
      if (!this.outputs.some((output) => output?.more)) {
        const sockets = Int32Array.from(waited);
        const code = exit ? readiness.netSelect(sockets, left) : childWait(this.child.handle, sockets, left);
        if (code === ETIMEDOUT) {
          this.kill(ETIMEDOUT);
          continue;
        }
        if (code < 0) fail(code, OPERATION);
      }
      if (!this.killed) this.transfer();
    }
  }

  private transfer(): void {
    if (this.feeding) this.feed();
    const { maxBuffer = 0 } = this.request;
    for (const output of this.outputs) output?.take(Infinity);
    const size = this.outputs.reduce((sum, output) => sum + (output?.length ?? 0), 0);
    if (maxBuffer > 0 && size > maxBuffer) this.kill(ENOBUFS);
  }

  /** As Node: it alone gets the signal, once, and nothing more is read from it. */
  private kill(error: number): void {
    this.killed = true;
    this.error = error;
    this.child.kill(this.request.killSignal || 'SIGTERM');
    for (const pipe of this.child.stdio) pipe?.close();
    for (const output of this.outputs) if (output) output.open = false;
    this.feeding = false;
  }

  protected override feedFailed(code: number): void {
    if (isInterruption(code)) fail(code, OPERATION);
    // It has closed its standard input, which Node reports; it goes on all the same.
    this.error ??= code;
  }
}

/** Our words for the descriptors of a child; undefined where there are none. */
function entriesOf({ stdio }: Request): StdioEntry[] | undefined {
  const entries: StdioEntry[] = [];
  for (const [i, { type, fd, input }] of stdio.entries()) {
    if (type === 'pipe' && (i === 0 || input === undefined || input === null)) entries.push('pipe');
    else if (type === 'ignore') entries.push('ignore');
    else if ((type === 'inherit' || type === 'fd') && typeof fd === 'number') entries.push(fd);
    else return undefined;
  }
  return entries;
}

/** The native half of spawnSync, execFileSync and execSync. */
function run(request: Request): Result | typeof ORIGINAL {
  const entries = entriesOf(request);
  const { file, args, cwd = '', envPairs, uid = OURS, gid = OURS, detached } = request;
  const input = request.stdio[0]?.input;
  if (!entries || entries.length < 3 || request.uid === OURS || request.gid === OURS) return ORIGINAL;
  if (!(input === undefined || input === null || typeof input === 'string' || ArrayBuffer.isView(input))) return ORIGINAL;
  const plan = planOf(entries);
  const env = envPairs?.map((pair) => `${pair}\0`).join('');
  const group = detached ? Group.session : Group.ours;
  const started = childStart(file, args.map((arg) => `${arg}\0`).join(''), env, cwd, uid, gid, group, Int32Array.from(plan.numbers));
  if (typeof started === 'number') {
    if (isInterruption(started)) fail(started, OPERATION);
    return { error: started, status: null, signal: null, output: null, pid: 0 };
  }
  const killSignal = request.killSignal || constants.signals.SIGTERM;
  const command = { file, args, env, cwd, uid, gid, timeout: 0, killSignal, killGrace: GRACE_MS };
  const child = new Child(command, started, plan);
  const bytes = typeof input === 'string' ? Buffer.from(input) : (input ?? undefined);
  const outputs = child.stdio.map((pipe, i) => (pipe && i > 0 ? new Gathered(pipe) : null));
  const exchange = new Exchange(child, bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), outputs, request);
  try {
    exchange.run();
  } catch (error) {
    // The coroutine was interrupted: no process is left behind.
    child.end();
    throw error;
  } finally {
    child.release();
  }
  const { code, signal } = child.exit ?? { code: null, signal: null };
  const output = outputs.map((one) => (one ? (one.as(undefined) as Buffer) : null));
  // In Node's order: the properties of the errors have it from here.
  return { ...(exchange.error !== undefined && { error: exchange.error }), status: code, signal, output, pid: child.pid };
}

/** The functions that go through it, which the user knows. */
const COVERS = ['execFileSync', 'execSync', 'spawnSync'];

/**
 * What `patch` replaces of node:child_process: the one native function below its three sync functions. So they check their arguments,
 * and make their results and errors, by themselves, and code that has taken them before sees it, too.
 */
export function childProcessTargets(): Target[] {
  let holder: object;
  try {
    holder = (process as unknown as { binding(name: string): object }).binding('spawn_sync');
  } catch {
    // The permission model.
    return [];
  }
  return [{ name: 'child_process.spawn', holder, key: 'spawn', covers: COVERS, park: (args) => run(args[0] as Request) }];
}
