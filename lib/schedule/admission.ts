/**
 * Resource-aware admission: coroutines are held back at the edges of the blocking graph where a unit of work begins that would use what
 * is short, and those that have begun, which give it back, go on. The idea is that of "Why Events Are A Bad Idea (for high-concurrency
 * servers)" (von Behren, Condit, Brewer, 2003, section 4) and of "Capriccio: Scalable Threads for Internet Services" (SOSP 2003, section
 * 4): learn from what runs which resources the code behind an edge uses, and slow down the edges that push one past its knee. How uses
 * are learned stands in ./admission/use_model.ts, how knees are found in ./admission/limits.ts; both are this library's own.
 *
 * Nobody is held who could be needed: units are held before they begin, and what is under way is never stopped. Where the caller
 * holds a lock all the same, it is let in after a while, when none of those that are under way has ended.
 */
import { functionOf, invalidType, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { checkpoint, type ParkOptions } from '../internal/parking.js';
import { simulating } from '../internal/simulating.js';
import { withSignal } from '../coroutine/signal.js';
import { Descriptors, type Purpose } from './admission/descriptors.js';
import { Gate, type Unit } from './admission/gate.js';
import { metersOfThread } from './admission/meters.js';
import { RESOURCES } from './admission/edge.js';
import { AdmissionRefusedError } from './errors.js';
import { admissionReport, type AdmissionStats } from './admission/report.js';

/** The settings of `configure({ admission })`. */
export interface AdmissionOptions {
  /**
   * How long a request may be held, in milliseconds, before it is answered with 503 and `Retry-After: 1`. While more requests come than
   * can be served, those that came last are let in first, because their clients wait for the answer; so it hardly matters
   * which time this is. Default 500.
   */
  patience?: number;
}

/** The options of {@link admit}. */
export interface AdmitOptions extends ParkOptions {
  /** How long it may be held, in milliseconds, before it throws AdmissionRefusedError. Default: any time, in order of arrival. */
  patience?: number;
}

const KNOWN = new Set(['patience']);
const KNOWN_OF_ADMIT = new Set(['patience', 'signal']);
const PATIENCE_MS = 500;
/** The edge of requests whose route is not known. */
const REQUESTS = 'requests';

let gate: Gate | undefined;
let descriptors: Descriptors | undefined;
let patience = PATIENCE_MS;

/** Whether admission is on; a request costs one check of it while it is not. @internal */
export let admitting = false;

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`) @internal */
export function checkAdmission(name: string, value: boolean | AdmissionOptions): void {
  if (typeof value === 'boolean') return;
  if (typeof value !== 'object' || (value as unknown) === null) throw invalidType(name, 'a boolean or an object', value);
  knownOptions('configure admission', value, KNOWN);
  if (value.patience !== undefined) numberIn(`${name}.patience`, value.patience, 0, Infinity);
}

/** @internal */
export function setAdmission(value: boolean | AdmissionOptions): void {
  if (value === false) {
    admitting = false;
    gate?.close();
    gate = descriptors = undefined;
    admissionReport.of = () => undefined;
    return;
  }
  patience = (value === true ? undefined : value.patience) ?? PATIENCE_MS;
  if (gate) return;
  const made = new Gate(metersOfThread());
  gate = made;
  descriptors = new Descriptors();
  admitting = true;
  admissionReport.of = report;
}

/** Begins a request, of a route if that is known; undefined: it was held for too long, and is refused. Parks. @internal */
export function admitRequest(route = REQUESTS): Unit | undefined {
  return gate!.enter('a request', gate!.edge(route), patience);
}

/** Ends what {@link admitRequest} has begun. Never parks. @internal */
export function endUnit(unit: Unit): void {
  unit.gate.leave(unit);
}

/** Waits for a second at most while descriptors are short. Parks. @internal */
export function awaitDescriptor(purpose: Purpose): void {
  descriptors?.await(purpose);
}

/** Whether no connection should be accepted now. @internal */
export function descriptorsAreShort(): boolean {
  return !simulating.on && (descriptors?.areShort('accept') ?? false);
}

function report(): AdmissionStats {
  const { limits } = gate!;
  const edges = gate!.all();
  const short: AdmissionStats['short'] = RESOURCES.filter((resource) =>
    (resource === 'cpu' && limits.cpu) || edges.some(({ heldBy }) => heldBy === resource));
  if (descriptors!.seem('accept')) short.push('descriptors');
  return {
    short,
    poolLimit: limits.pool,
    memoryLimit: limits.level,
    descriptorWaits: descriptors!.waits,
    edges: edges.map((edge) => ({
      name: edge.name,
      inFlight: edge.inFlight,
      held: edge.held,
      heldBy: edge.heldBy,
      admitted: edge.admitted,
      refused: edge.refused,
      uses: { cpu: limits.use(edge, 'cpu'), pool: limits.use(edge, 'pool'), memory: limits.use(edge, 'memory') },
    })),
  };
}

/**
 * Runs `fn` as a unit of work, and returns its result. With `configure({ admission: true })` it waits first while something is short that
 * units of this name use: the processor, the pool of threads, memory. What they use is learned while they run. Without, it only runs
 * `fn`. Requests of `stackful/http` are such units already; this is for other work, and for the heavy part of a request. Parks.
 *
 * What the caller holds, such as a lock, should not be needed by units that are under way: these would have to wait, too, until one is
 * let in because none has ended for a while.
 *
 * @param name of the edge, the same for all units that do the same; the first 63 names are told apart
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), AdmissionRefusedError (`ERR_ADMISSION_REFUSED`) when its `patience` is over;
 *   CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason, and `fn` has not been called; what `fn` throws
 *
 * @example
 * ```ts
 * import { admit, configure, spawn, stats } from 'stackful';
 *
 * configure({ admission: true });
 * const thumbnail = (name: string) => admit('thumbnail', () => `${name}.small`); // not when the processor is short
 * console.log(await spawn(() => thumbnail('cat'))); // cat.small
 * console.log(stats().admission?.edges[0]?.name); // thumbnail
 * configure({ admission: false });
 * ```
 */
export function admit<R>(name: string, fn: () => R, options?: AdmitOptions): R {
  functionOf('fn', fn);
  if (typeof name !== 'string') throw invalidType('name', 'a string', name);
  if (options) knownOptions('admit', options, KNOWN_OF_ADMIT);
  const { patience: most = Infinity, signal } = options ?? {};
  if (most !== Infinity) numberIn('options.patience', most, 0, Infinity);
  checkpoint('admit');
  signal?.throwIfAborted();
  // What is measured would make two runs of a simulation differ.
  if (!gate || simulating.on) return fn();
  const there = gate;
  const enter = () => there.enter('admit', there.edge(name), most);
  const unit = signal ? withSignal(signal, enter) : enter();
  if (!unit) throw new AdmissionRefusedError(name);
  try {
    return fn();
  } finally {
    endUnit(unit);
  }
}
