import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { unsupported, version } from '../../scripts/supported.mjs';
import { UnsupportedRuntimeError } from '../errors.js';

/** The addon's functions. Negative results are error codes for `fail` in ./codes.ts; nothing here throws by itself. */
export interface Native {
  /** Of the package that the addon was built from. */
  version: string;
  start(body: (slot: number) => void): string | undefined;
  doctor(): { ok: boolean; reason?: string; findings: [string, string][] };
  stats(): Record<string, number>;

  /** A slot; or -1 no memory, -2 the budget is spent, -3 too many coroutines, -4 the environment is going away. */
  spawn: (this: void, stackBytes: number, priority: number, coroutine: object) => number;
  /**
   * At the end of the running coroutine: wakes the one in slot `joiner` (-1: nobody). Returns the slot of another coroutine that
   * runs on this stack from now on; -1: return to where the body was called.
   */
  runAnother: (this: void, joiner: number) => number;
  setStackMemory(bytes: number): void;
  setMaxCoroutines(count: number): void;
  allowStack(bytes: number): void;
  setCleanStacks(on: boolean): void;
  /** Resident bytes, high-water mark and size of a live coroutine's stack. */
  stackUse(slot: number): [resident: number, deepest: number, size: number] | undefined;
  current(): number;
  /** Always: the slot of the running coroutine (or -1), and the code that a parking call of it would end with (or 0). */
  running(): Int32Array;
  inMicrotask(): boolean;
  fulfilledValue<T>(promise: unknown, otherwise: T): unknown;
  park: (this: void, kind: number, number: number) => number;
  parkFor(kind: number, number: number, ms: number): number;
  netSelect(sockets: Int32Array, ms: number): number;
  netReady(socket: number, forWriting: boolean): number;
  /** Milliseconds on the scheduler's clock. */
  now(): number;
  wake: (this: void, slot: number, code: number) => boolean;
  cancel(slot: number): void;
  yieldNow: (this: void) => number;
  sleep(ms: number): number;

  useTimeSlices(ownScripts: string): string | undefined;
  setTimeSlice(slot: number, ms: number): boolean;

  timeoutEnter(ms: number): number;
  signalEnter(): number;
  shieldEnter(): number;
  scopeLeave(): void;
  scopeFire(scope: number): void;
  firedScope(): number;
  atomicEnter(): boolean;
  atomicLeave(): void;

  setPolicy(kind: number): void;
  becomeChooser(): number;
  takeReady(into: Int32Array): number;
  chooseNext(slot: number): number;
  parkKindName(kind: number): string;

  state(slot: number): number;
  parkedOn(slot: number): string | undefined;
  parkedFor(slot: number): number;
  census(): [what: string, count: number][];
  stack(slot: number): string;
  callSite(library: string): string;
  startWatch(report: (kinds: number, ms: number, stack: string) => void): void;
  watchHolds(ms: number): number;
  dumpOn(signal: number): number;
  writeToStderr(text: string): void;
  noteAsyncIds(executionId: number, triggerId: number, resource: object): void;
  confirmAsyncIds(executionId: number, triggerId: number, resource: object, executionAsyncResource: () => object): boolean;
  simulate(seed: number, maxSteps: number, watched: boolean, hook: (event: number, slot: number) => void): void;
  endSimulation(): void;
  setBatchBudget(ms: number): void;
}

function load(): Native {
  const problem = unsupported(process);
  if (problem !== undefined) throw new UnsupportedRuntimeError(problem);
  const require = createRequire(import.meta.url);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  let addon: Native;
  try {
    // Typed as a function by hand: the package has no types of its own.
    addon = (require('node-gyp-build') as (directory: string) => Native)(root);
  } catch (error) {
    throw new UnsupportedRuntimeError(`the native addon does not load: ${(error as Error).message}`, { cause: error });
  }
  // A restored cache, or a copied folder: the two halves understand each other only by what both take for granted.
  if (addon.version === version) return addon;
  throw new UnsupportedRuntimeError(
    `the native addon was built from stackful ${addon.version}, and this is ${version}: run "npm rebuild stackful"`,
  );
}

/** The addon of this environment (each worker thread has its own runtime behind it). */
export const native: Native = load();
