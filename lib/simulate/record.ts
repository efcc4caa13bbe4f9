import { spawn, type Coroutine } from '../coroutine/coroutine.js';
import { functionOf, integerIn, invalidType } from '../internal/arguments.js';
import { arrivals } from '../internal/arrivals.js';
import { current, running } from '../internal/current.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { beyond, interpose, type Calls } from '../internal/outside.js';
import { randomBelow, setChooser } from '../internal/random.js';
import { RecordingError } from './errors.js';
import { replaceGlobals } from './globals.js';
import { Members } from './members.js';
import { aboutOf, ASKED_OF_REQUESTS } from './requests.js';
import { runs } from './run.js';
import { encode, encodeCall, TraceWriter } from './trace.js';

/** The options of `record`. */
export interface RecordOptions {
  /** Where the trace goes. It holds everything that was received and read: keep it as secret as that. */
  file: string;
  /** The most bytes of the trace; what comes later is not recorded. Default 64 MiB. */
  maxBytes?: number;
}

const KNOWN = new Set(['file', 'maxBytes']);
const DEFAULT_BYTES = 64 * 1024 * 1024;
const MOST_BYTES = 2 ** 40;
/** Credit that no call uses up, and what a coroutine has behind a call that waited; see {@link outside}. */
export const PLENTY = 1_000_000;
export const CREDIT_AFTER_WAIT = 8;
/** Calls whose results say nothing, and that never wait. */
export const SILENT = new Set(['netClose', 'netLookAgain', 'childFree', 'wsFree', 'http2ClientRelease', 'armTimer']);
/** Calls that Node answers on the main stack, between turns: what they are about are the first two arguments, the last is the callback. */
export const CALLED_BACK = new Set(['query', 'callNode']);
/** Calls about other processes, which timers make on the main stack, too; a replay has no timers. */
export const ABOUT_PROCESSES = new Set(['lifeOf', 'childrenOf', 'threadsOf', 'killProcess', 'pauseThread', 'childKill', 'childStatus']);

let recording = false;

/**
 * Runs `fn` in a coroutine, as `spawn` does, and writes a trace of it: which coroutine had each turn, and what came from outside
 * (requests of Knot's servers, sockets, datagrams, decrypted bytes of TLS, WebSockets, the HTTP client, files, names, child processes,
 * `Date.now`, `performance.now`, `Math.random`). `simulate({ replay: file }, fn)` then runs the same function again, without network,
 * files and processes, to the same failure. Coroutines that `fn` spawns, and that the main stack spawns meanwhile, belong to it.
 *
 * Not recorded: `offload`, of which a warning (`ERR_NOT_RECORDED`) tells, and promises and timers of other APIs. A replay ends with a
 * NotRecordedError (`ERR_NOT_RECORDED`) at the first, and with a ReplayDivergedError where it misses others.
 *
 * The file is written as it goes and when the process ends, so it is there after a crash, too. It is readable for its owner only:
 * it holds the bytes that were received, passwords and all.
 *
 * @returns what `fn` returns
 * @throws (rejects with) what `fn` throws. RecordingError (`ERR_RECORDING`) when something is recorded or simulated already; TypeError
 *   and RangeError for bad options; the system's errors when the file cannot be written
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs';
 * import { record, simulate, sleep } from 'stackful';
 *
 * const directory = mkdtempSync('/tmp/trace-');
 * const file = `${directory}/trace`;
 * const program = () => {
 *   sleep(5);
 *   return Math.random();
 * };
 * const once = await record({ file }, program);
 * const again = await simulate({ replay: file }, program);
 * console.log(once === again); // true
 * rmSync(directory, { recursive: true });
 * ```
 */
export async function record<R>(options: RecordOptions, fn: () => R): Promise<R> {
  knownOptions('record', options, KNOWN);
  if (typeof options.file !== 'string') throw invalidType('options.file', 'of type string', options.file);
  const maxBytes = integerIn('options.maxBytes', options.maxBytes ?? DEFAULT_BYTES, 1, MOST_BYTES);
  functionOf('fn', fn);
  if (recording || runs.now) throw new RecordingError();
  const recorder = new Recorder(options.file, maxBytes);
  recording = true;
  recorder.begin();
  let error: string | null = null;
  try {
    return await spawn(fn, { name: 'simulate' });
  } catch (thrown) {
    error = String(thrown);
    throw thrown;
  } finally {
    recording = false;
    recorder.end(error);
  }
}

/**
 * Records what running servers are asked from now on: connections that come to them, the requests on those, and what their handlers get
 * from outside. @internal
 *
 * @param servers in the order in which they were made
 * @returns what ends it
 * @throws as `record`
 */
export function recordServers(file: string, servers: readonly object[], maxBytes = DEFAULT_BYTES): () => void {
  if (recording || runs.now) throw new RecordingError();
  const recorder = new Recorder(file, maxBytes, servers);
  recording = true;
  recorder.begin();
  return () => {
    if (!recording) return;
    recording = false;
    recorder.end(null);
  };
}

type Done = (error: unknown, value: unknown) => void;

class Recorder {
  private readonly turnsInto = new Float64Array(3 * 1024);
  /** The number of the coroutine in a slot, by slot and generation. */
  private readonly bySlot = new Map<string, number>();
  /** How many turns each has had. */
  private readonly turns: number[] = [];
  private began = -1;
  private readonly members: Members;
  private undoGlobals!: () => void;
  private readonly warned = new Set<string>();

  private readonly writer: TraceWriter;

  /** @param servers if it begins while these run */
  constructor(file: string, maxBytes: number, private readonly servers?: readonly object[]) {
    // Turns behind the last call to the outside are known natively only.
    this.writer = new TraceWriter(file, maxBytes, () => { this.drain(); }, servers !== undefined);
    this.members = new Members((coroutine, number) => { this.joined(coroutine, number); }, servers !== undefined);
  }

  begin(): void {
    native.recordTurns(true);
    interpose((room, real) => {
      if (room === 'http') this.remote = real.httpRemote;
      return this.calls(real);
    });
    if (this.servers) this.hearServers(this.servers);
    beyond.note = (what) => { this.notRecorded(what); };
    setChooser((limit) => this.asked('choose', () => randomBelow(limit)));
    this.undoGlobals = replaceGlobals((name, original) => () => this.asked(name, original));
  }

  end(error: string | null): void {
    this.undoGlobals();
    setChooser(undefined);
    interpose(undefined);
    beyond.note = arrivals.connection = arrivals.departure = undefined;
    this.members.end();
    this.drain();
    native.recordTurns(false);
    this.writer.add(['e', error]);
    this.writer.close();
  }

  private remote: Calls[string] | undefined;

  private hearServers(servers: readonly object[]): void {
    const known = new Set<number>();
    arrivals.connection = (server, connection, coroutine) => {
      const index = servers.indexOf(server);
      if (index < 0) return;
      this.drain();
      this.writer.add(['a', index, connection, (this.remote?.(connection) as unknown[] | undefined) ?? []]);
      known.add(connection);
      this.members.admit(coroutine);
    };
    arrivals.departure = (server, departure) => {
      const index = servers.indexOf(server);
      if (index < 0 || !known.has(departure >> 1)) return;
      this.drain();
      this.writer.add(['l', index, departure]);
    };
  }

  private joined(coroutine: Coroutine, number: number): void {
    this.turns[number] = 0;
    this.bySlot.set(`${String(coroutine.slot)}/${String(native.generation(coroutine.slot))}`, number);
  }

  private drain(): void {
    const into = this.turnsInto;
    for (let count = into.length; count === into.length; ) {
      count = native.takeTurns(into);
      for (let i = 0; i < count; i += 3) this.turn(into[i]!, into[i + 1]!, into[i + 2]!);
    }
  }

  private turn(slot: number, generation: number, now: number): void {
    const number = slot < 0 ? -1 : this.bySlot.get(`${String(slot)}/${String(generation)}`);
    if (number === undefined) return;
    if (this.began < 0) this.began = now;
    if (number >= 0) this.turns[number]!++;
    this.writer.add(['t', number, Math.round((now - this.began) * 1e3) / 1e3]);
  }

  private calls(real: Calls): Calls {
    const made: Calls = {};
    for (const [name, call] of Object.entries(real)) {
      if (typeof call !== 'function' || SILENT.has(name) || ASKED_OF_REQUESTS.has(name)) continue;
      made[name] = CALLED_BACK.has(name) ? this.calledBack(name, call) : (...args: unknown[]) => this.call(name, args, call, real);
    }
    return made;
  }

  private call(name: string, args: unknown[], call: (...args: unknown[]) => unknown, real: Calls): unknown {
    const number = this.members.numberOf(current());
    if (number === undefined || (number < 0 && ABOUT_PROCESSES.has(name))) return call(...args);
    let result: unknown;
    const more = outside(() => {
      this.drain();
      const before = number < 0 ? 0 : this.turns[number]!;
      result = call(...args);
      this.drain();
      return number < 0 ? 0 : this.turns[number]! - before;
    });
    const encoded = encodeCall(name, args, result, real.fsStatNumbers as unknown as ArrayBuffer | undefined);
    const about = aboutOf(name, args, result, real);
    this.writer.add(['c', number, name, more, about ? { result: encoded, about } : encoded]);
    return result;
  }

  /** Time, chance, and the choices of `select`. */
  private asked(name: string, original: () => number): number {
    const value = original();
    const self = current();
    const number = self && this.members.numberOf(self);
    if (number !== undefined) this.writer.add(['c', number, name, 0, value]);
    return value;
  }

  /** The answer comes on the main stack, between turns; whoever waits for it is recorded like any other. */
  private calledBack(name: string, call: (...args: unknown[]) => unknown) {
    return (...args: unknown[]) => {
      const number = this.members.numberOf(current());
      if (number === undefined) return call(...args);
      const done = args.pop() as Done;
      return call(...args, (error: unknown, value: unknown) => {
        this.drain();
        this.writer.add(['c', number, `${name} ${String(args[0])} ${String(args[1])}`, 0, encode([error, value])]);
        done(error, value);
      });
    };
  }

  private notRecorded(what: string): void {
    const number = this.members.numberOf(current());
    if (number === undefined) return;
    this.writer.add(['u', number, what]);
    if (this.warned.has(what)) return;
    this.warned.add(what);
    process.emitWarning(`${what} is not recorded: the replay ends there`, { code: 'ERR_NOT_RECORDED' });
  }
}

/**
 * Makes a call to the outside, which returns for how many turns it has waited, cost the same in a recording and in a replay: one unit of
 * credit, ahead of it, when it did not have to wait. Otherwise a coroutine could give way at another place when it is replayed.
 */
export function outside(call: () => number): number {
  if (running[0]! < 0) return call();
  if (running[2]! <= 1) native.spendCredit();
  const credit = running[2]!;
  running[2] = PLENTY;
  const more = call();
  running[2] = more > 0 ? CREDIT_AFTER_WAIT : credit - 1;
  return more;
}
