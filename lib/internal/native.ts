import { createRequire } from 'node:module';

import { addonFile, noAddon, repair } from '../../scripts/addon_file.mjs';
import { LoadedTwiceError, UnsupportedRuntimeError } from './errors.js';
import { packageRoot, root } from './root.js';
import { unsupported, version } from './supported.mjs';

type ResultCode =
  | 'NOT_IN_COROUTINE' | 'CANNOT_PARK' | 'LIMIT_TIMED_OUT' | 'LIMIT_ABORTED' | 'IN_ATOMIC_SECTION' | 'DEADLOCKED'
  | 'NOT_CHOOSABLE' | 'NOT_RESUMABLE' | 'KERNEL_TIMED_OUT' | 'SOCKET_BROKEN' | 'FLUSH_FAILED' | 'NOT_CACHED' | 'MAY_BLOCK'
  | 'TLS_FAILED' | 'TLS_CUT_OFF' | 'TLS_CHOOSE_CONTEXT' | 'BODY_TOO_LARGE' | 'BODY_MALFORMED' | 'SEND_FIRST' | 'CLIENT_LEFT'
  | 'CONNECTION_BUSY' | 'REQUEST_OVER' | 'BODY_TIMEOUT' | 'TOO_MANY_COROUTINES';

/** The addon's functions. Negative results are error codes for `fail` in ./codes.ts; nothing here throws by itself. */
export interface Native {
  /** The version of the package that the addon was built from. */
  version: string;
  /** The global object of Node itself, also for code that runs in a vm context. */
  global: typeof globalThis;
  /** See ./results.ts. */
  resultCodes: Record<ResultCode, number>;
  start(): string | undefined;
  /** `body(slot)` runs a coroutine's function; `body(-1 - slot)` ends the coroutine in `slot`, whose function V8 terminated. */
  setBody(body: (slot: number) => unknown): void;
  doctor(): { ok: boolean; reason?: string; findings: [string, string][] };
  stats(): Record<string, number>;

  /**
   * A slot; or -1 no memory, -2 the budget is spent, -3 too many coroutines, -4 the environment is going away. With `held` the
   * coroutine is parked on `ParkKind.fiber` and begins by `resume`.
   */
  spawn: (this: void, stackBytes: number, priority: number, coroutine: object, held?: true) => number;
  /**
   * Runs a coroutine that is parked on `ParkKind.fiber`, at once and on top of the caller, also of code on the main stack. Returns
   * when it stops, for whatever reason: 0; or NOT_RESUMABLE, CANNOT_PARK, IN_ATOMIC_SECTION, and nothing has happened.
   */
  resume: (this: void, slot: number) => number;
  /** Parks the running coroutine on `ParkKind.fiber`: 0 when it is resumed, or the code of what has ended the wait. */
  suspend: (this: void) => number;
  /**
   * Called at the end of the running coroutine: wakes the one in slot `joiner` (-1: none). Returns the slot of the coroutine
   * to run on this stack next; -1: the body returns to its caller.
   */
  runAnother: (this: void, joiner: number) => number;
  setStackMemory(bytes: number): void;
  setMaxCoroutines(count: number): void;
  allowStack(bytes: number): void;
  setCleanStacks(on: boolean): void;
  /** Resident bytes, high-water mark and size of a live coroutine's stack. */
  stackUse(slot: number): [resident: number, deepest: number, size: number] | undefined;
  current(): number;
  /**
   * Three cells that the scheduler keeps up to date: the slot of the running coroutine (or -1); the code that a parking call
   * of it would end with (or 0); its credit, the number of calls that could park but need not that it may make before it
   * gives way. Each such call counts the credit down.
   */
  running(): Int32Array;
  inMicrotask(): boolean;
  fulfilledValue<T>(promise: unknown, otherwise: T): unknown;
  park: (this: void, kind: number, number: number) => number;
  parkFor(kind: number, number: number, ms: number): number;
  netSelect: (this: void, sockets: Int32Array, ms: number) => number;
  netReady: (this: void, socket: number, forWriting: boolean) => number;
  /** Milliseconds on the scheduler's clock. */
  now(): number;
  wake: (this: void, slot: number, code: number) => boolean;
  cancel(slot: number): void;
  /** 0, or CANNOT_PARK; see `checkParking` in ./parking.ts. */
  mayPark(): number;
  /** Why the last parking call ended with CANNOT_PARK. */
  cannotParkReason(): string;
  /** Whether the reason is that a callback of the whole thread runs, which happens to be on the coroutine's stack. */
  onBehalfOfOthers(): boolean;
  yieldNow: (this: void) => number;
  spendCredit: (this: void) => number;
  sleep(ms: number): number;
  /** To a microsecond, however long; see native/sched/soft_timers.h. */
  sleepSoftly(ms: number): number;
  /**
   * Makes a coroutine that was spawned with `held` ready after that time: the number of the event, or -ENOMEM. By the coroutine,
   * `disarmSoft`: whether something else than the event has made it ready.
   */
  armSoft(slot: number, us: number): number;
  disarmSoft(event: number): boolean;

  learnInterruptSites(ownScripts: string): string | undefined;
  useTimeSlices(): void;
  setTimeSlice(slot: number, ms: number): boolean;

  timeoutEnter: (this: void, ms: number) => number;
  signalEnter: (this: void) => number;
  shieldEnter: (this: void) => number;
  limitLeave(): void;
  limitFire(scope: number): void;
  firedLimit(): number;
  openLimits(): number[];
  atomicEnter(): boolean;
  atomicLeave(): void;

  setPolicy(kind: number, ms: number): void;
  nameSpawned(slot: number, body: object): void;
  nameJob(kind: number): void;
  expectWork(ms: number): number;
  makeShare(weight: number, warp: number, warpLimit: number, unwarpTime: number, group: boolean): number;
  joinShare(slot: number, share: number): void;
  releaseShare(share: number): boolean | undefined;
  shareRan(share: number): number;
  /** Of each of these shares its weight, the milliseconds that it has run, and its effective virtual time in milliseconds. */
  shareStates(shares: Int32Array): Float64Array;
  /** How many are ready, and of the first `most` ten numbers each: see lib/schedule/run_queue.ts. */
  readyNow(most: number): Float64Array;
  becomeChooser(): number;
  takeReady(into: Int32Array): number;
  chooseNext(slot: number): number;
  parkKindName(kind: number): string;
  /** Takes the only lock of the open file, or lets go of it. 0, or a code. */
  tryLockFile(fd: number, take: boolean): number;

  /** Channels between threads, by numbers of this thread: see native/binding/channel.cc. A number, or a code. */
  channelCreate(capacity: number): number;
  channelHandle(channel: number): SharedArrayBuffer;
  channelOpen(handle: SharedArrayBuffer): number;
  channelDrop(channel: number): void;
  /** Parks. */
  channelSend(channel: number, value: unknown): number;
  /** 0 or a code; `move` gives the contents of the buffers in `transfer` as others. */
  channelTrySend<T>(channel: number, value: unknown, transfer: T[] | undefined, move: (transfer: T[]) => T[]): number;
  /** The same. Parks. */
  channelSendMoving<T>(channel: number, value: unknown, transfer: T[], move: (transfer: T[]) => T[]): number;
  /** A value; or `none`, and its element is the code. */
  channelTryReceive(channel: number, none: Int32Array): unknown;
  /** The same. Parks. */
  channelReceive(channel: number, none: Int32Array): unknown;
  /** From now on the running coroutine is woken when there may be room, or a value. A number for `channelUnlisten`, or a code. */
  channelListen(channel: number, room: boolean): number;
  channelUnlisten(number: number): void;
  channelClose(channel: number): void;
  channelState(channel: number): [length: number, capacity: number, closed: number];

  state(slot: number): number;
  parkedOn(slot: number): string | undefined;
  parkedFor(slot: number): number;
  census(): [what: string, count: number][];
  stack(slot: number): string;
  /** Of each parked coroutine the slot, the kind, the milliseconds since it parked, the bytes of its stack in use. */
  parkedNow(): Float64Array;
  /** What tells the coroutine in a slot from earlier ones there; 0: there is none. */
  generation(slot: number): number;
  /** Milliseconds on the clock of what the next five tell. */
  monotonicNow(): number;
  /** From now on about every `stride`-th park is sampled; 0: none, and all stacks are forgotten. */
  sampleParks(stride: number): void;
  /**
   * Of each sample since the last call: number of the stack of a park (0: it began there), its kind, the same two of the coroutine's
   * next park (0: it ended), for how long it was parked, for how long it ran then, bytes of its stack in use, and how many parks
   * the sample stands for.
   */
  takeParkSamples(): Float64Array;
  /** The stacks of samples that it has not returned before, behind the number of the first. */
  takeParkStacks(): [first: number, ...texts: string[]];
  /** From now on all parks are recorded, the first `most`; 0: none. */
  recordParks(most: number): void;
  /** Of each recorded park slot, generation, kind, descriptor or -1, number, when it parked and when it ran again (0: not yet). */
  recordedParks(): Float64Array;
  callSite(library: string): string;
  startWatch(report: (kinds: number, ms: number, stack: string, open: boolean) => boolean): void;
  watchHolds(ms: number): number;
  dumpOn(signal: number): number;
  writeToStderr(text: string): void;
  noteAsyncIds(executionId: number, triggerId: number, resource: object): void;
  confirmAsyncIds(executionId: number, triggerId: number, resource: object, executionAsyncResource: () => object): boolean;
  /**
   * The hook of a `directed` run answers the event `choose` with twice the index of who runs next, plus 1 when another one runs before
   * promise callbacks do.
   */
  simulate(
    seed: number, maxSteps: number, watched: boolean, directed: boolean, hook: (event: number, number: number) => number | undefined,
  ): void;
  endSimulation(): void;
  /** In the hook: slots of the ready coroutines, in the order in which they have become ready. Returns how many. */
  simulationReady(into: Int32Array): number;
  /** In the hook: lets simulated time pass up to `ms`, and fires what is due. */
  simulationAdvanceTo(ms: number): void;
  /** From now on every turn is recorded, or none; turns are less charged by time meanwhile. */
  recordTurns(on: boolean): void;
  /**
   * Moves recorded turns into `into`: of each slot, generation and time in milliseconds; slot -1 where promise callbacks had their turn.
   * Returns how many numbers.
   */
  takeTurns(into: Float64Array): number;
  /** In the hook: a number below `limit` of the generator of the run's seed. */
  simulationRandom(limit: number): number;
  addonLoaded(): void;
  watchModules(list: readonly string[], changed: () => void): void;
  setBatchBudget(ms: number): void;
  /**
   * Meters jobs of the pool, each for an edge, 0 to 64: that of its coroutine, by slot. `poolMeter` tells of each edge how many jobs are
   * done, for how many milliseconds these have waited for a thread, and for how many they kept one.
   */
  meterPool(edges: Int32Array | undefined): void;
  poolMeter: (this: void, into: Float64Array) => void;
  /** How many coroutines are ready. */
  readyLength: (this: void) => number;
}

function load(): Native {
  const problem = unsupported(process);
  if (problem !== undefined) throw new UnsupportedRuntimeError(problem);
  const file = addonFile(packageRoot, process);
  if (file === undefined) throw new UnsupportedRuntimeError(noAddon(packageRoot, process));
  let addon: Native;
  try {
    addon = createRequire(import.meta.url)(file) as Native;
  } catch (error) {
    const { message } = error as Error;
    throw new UnsupportedRuntimeError(`stackful's addon does not load (${message}): ${repair(packageRoot)}`, { cause: error });
  }
  // A restored cache, or a copied folder: dist/ and the addon only fit each other when they are of one version.
  if (addon.version === version) return addon;
  throw new UnsupportedRuntimeError(
    `stackful's addon was built from stackful ${addon.version}, and this is ${version!}: ${repair(packageRoot)}`,
  );
}

/*
 * A thread has one runtime and one set of classes, however often this library is loaded in it: Jest and vitest's vm pools load
 * it again for every test file, in a vm context; a tree of packages may hold several copies. The first load in Node's own
 * context owns the runtime. Every other load uses its addon, exports what it exports (./loads.ts) and starts nothing.
 */

/** The property of Node's global object where all loads in this thread look for the owner. */
const OWNER = Symbol.for('stackful.owner');

interface Load {
  version: string;
  /** The folder of its files, `dist/`. */
  place: string;
  native: Native;
}
export const own: Load = { version: version!, place: root, native: load() };
const nodeGlobal = own.native.global as { [OWNER]?: Load };

/** The load that owns the runtime; undefined before a load in Node's own context. */
export const owner = (): Load | undefined => nodeGlobal[OWNER];

/** Whether this load owns the runtime. */
export const owns = globalThis === own.native.global && owner() === undefined;
if (owns) Object.defineProperty(nodeGlobal, OWNER, { value: own, configurable: true });
else if ((owner() ?? own).version !== version) throw new LoadedTwiceError(owner()!, own);

/** Gives the runtime up because it does not start: the next load tries again, and throws the reason, too. */
export function disown(): void {
  Reflect.deleteProperty(nodeGlobal, OWNER);
}

/** The addon of this environment (each worker thread has its own runtime behind it). */
export const { native } = owner() ?? own;
