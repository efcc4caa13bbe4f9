import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { beyond, interpose, type Calls } from '../internal/outside.js';
import { Waiter } from '../internal/parking.js';
import { DEADLOCKED, ECANCELED, LIMIT_ABORTED, LIMIT_TIMED_OUT } from '../internal/results.js';
import { NotRecordedError, ReplayDivergedError } from './errors.js';
import { replaceGlobals } from './globals.js';
import { Members } from './members.js';
import { ABOUT_PROCESSES, CALLED_BACK, outside, SILENT } from './record.js';
import { ReplayedServers } from './replayed_servers.js';
import { ASKED_OF_REQUESTS, ReplayedRequests } from './requests.js';
import type { Director } from './schedule.js';
import { acceptorOf, decode, decodeCall, plainOf, type Encoded, type RecordedCall, type RecordedTurn, type Trace } from './trace.js';

/** A wait that ends when the recording says so. */
interface Pending {
  readonly number: number;
  wake(): void;
  /** It was cancelled or timed out, which happens by itself. */
  readonly interrupted: boolean;
}

/** Results of calls that were ended from inside, as they are again in a replay; other codes below those of errno come from outside. */
const INTERRUPTIONS = new Set<unknown>([ECANCELED, LIMIT_TIMED_OUT, LIMIT_ABORTED, DEADLOCKED]);

/** Gives coroutines the turns of a recording, and what came from outside in them. */
export class Replay implements Director {
  private members!: Members;
  private at = 0;
  private readonly positions = new Map<number, number>();
  private readonly pending: Pending[] = [];
  private undoGlobals!: () => void;
  /** In a recording that began while servers ran. */
  private servers: ReplayedServers | undefined;
  private readonly requests = new ReplayedRequests();
  private first: ReplayDivergedError | undefined;
  /** The run has failed, and is being cleaned up: nothing of that was recorded. */
  private cleaning = false;

  constructor(private readonly trace: Trace) {}

  enter(): void {
    this.members = new Members(undefined, this.trace.attached);
    if (this.trace.attached) this.servers = new ReplayedServers(this, this.members, this.requests);
    interpose((_room, real) => this.calls(real));
    beyond.note = (what) => { if (!this.cleaning) throw new NotRecordedError(what); };
    this.undoGlobals = replaceGlobals((name, original) => () => {
      const number = this.numberOf(current());
      return this.cleaning || number === undefined || number < 0 ? original() : (decode(this.take(number, name).result) as number);
    });
  }

  leave(): void {
    this.undoGlobals();
    this.servers?.leave();
    beyond.note = undefined;
    this.members.end();
  }

  /**
   * Whether a run that cannot go on is another one than the recorded one: that had more turns, or its function has ended. A process that
   * ended before the function may have been stuck as well.
   */
  get wentOn(): boolean {
    const { end } = this.trace;
    return this.next !== undefined || (end !== undefined && end.error?.startsWith('DeadlockError') !== true);
  }

  /** Whether all turns of the recording have been had. */
  get over(): boolean {
    return this.next === undefined;
  }

  /**
   * Why the run was another one than the recorded one, if it was.
   *
   * @param failed whether it failed
   * @param waits whether it waits for something, where the recorded one went on
   */
  divergence(failed: boolean, waits: boolean): ReplayDivergedError | undefined {
    if (this.first) return this.first;
    if (waits) return new ReplayDivergedError('it waits for what the recording does not have');
    const { end } = this.trace;
    if (failed || !end || end.error === null) return undefined;
    return new ReplayDivergedError(`the recorded one failed: ${end.error}`);
  }

  prepare(): void {
    const turn = this.next;
    if (!turn) return;
    const index = this.pending.findIndex((one) => one.number === turn.coroutine && !one.interrupted);
    if (index >= 0) this.pending.splice(index, 1)[0]!.wake();
    native.simulationAdvanceTo(turn.ms);
  }

  failed(): void {
    this.cleaning = true;
  }

  choose(turn: number, ready: readonly Coroutine[]): number {
    const wanted = this.next;
    if (this.servers) return this.chooseAround(ready, this.servers);
    if (!wanted) throw this.diverged(`turn ${String(turn)}: the recording ends before it`);
    const index = ready.findIndex((one) => this.numberOf(one) === wanted.coroutine);
    if (index < 0) throw this.diverged(`turn ${String(turn)}: it was that of coroutine ${String(wanted.coroutine)}, which cannot run here`);
    this.at++;
    return index;
  }

  /** What the program does besides is not in the recording, and runs when nothing else can. */
  private chooseAround(ready: readonly Coroutine[], servers: ReplayedServers): number {
    const wanted = this.next;
    const acceptor = wanted && servers.acceptorOf(wanted.coroutine);
    const index = ready.findIndex((one) => (acceptor ? one === acceptor : wanted && this.numberOf(one) === wanted.coroutine));
    if (index >= 0) {
      // What came to a server is taken when it asks for that.
      if (!acceptor) this.at++;
      return index;
    }
    const beside = ready.findIndex((one) => this.numberOf(one) === undefined);
    if (beside >= 0 || !wanted) return Math.max(beside, 0);
    throw this.diverged(`it was the turn of coroutine ${String(wanted.coroutine)}, which cannot run here`);
  }

  /** What has come to a server now, if something has; it counts as taken. */
  takeArrival(server: number, kind: 'arrival' | 'departure'): RecordedTurn | undefined {
    if (!this.comes(server, kind)) return undefined;
    const { next } = this;
    this.at++;
    return next;
  }

  comes(server: number, kind: 'arrival' | 'departure'): boolean {
    const { next } = this;
    return next?.coroutine === acceptorOf(server) && next[kind] !== undefined;
  }

  /** Waits until something comes to a server. Returns the code of what has ended it early. */
  waitForArrival(server: number): number {
    return this.wait(acceptorOf(server), 'http.accept', null);
  }

  promisesLater(): boolean {
    const turn = this.trace.turns[this.at];
    return turn !== undefined && turn.coroutine >= 0;
  }

  pick(): number {
    const number = this.numberOf(current());
    return number === undefined ? 0 : (decode(this.take(number, 'choose').result) as number);
  }

  private get next(): RecordedTurn | undefined {
    while (this.trace.turns[this.at]?.coroutine === -1) this.at++;
    return this.trace.turns[this.at];
  }

  private numberOf(coroutine: Coroutine | undefined): number | undefined {
    return this.members.numberOf(coroutine);
  }

  private diverged(where: string): ReplayDivergedError {
    return this.first ??= new ReplayDivergedError(where);
  }

  private recordedFor(number: number): RecordedCall | undefined {
    return this.trace.calls.get(number)?.[this.positions.get(number) ?? 0];
  }

  /** What the coroutine's next call to the outside came to. */
  private take(number: number, name: string): RecordedCall {
    const position = this.positions.get(number) ?? 0;
    const recorded = this.recordedFor(number);
    if (recorded?.name !== name) {
      const what = recorded
        ? `its call number ${String(position + 1)} was ${recorded.name}, and is ${name} here`
        : `the recording ends before its call of ${name}`;
      throw this.diverged(`${number < 0 ? 'the main stack' : `coroutine ${String(number)}`}: ${what}`);
    }
    this.positions.set(number, position + 1);
    return recorded;
  }

  private calls(real: Calls): Calls {
    const made: Calls = {};
    for (const [name, call] of Object.entries(real)) {
      if (typeof call !== 'function') continue;
      if (SILENT.has(name)) made[name] = name === 'armTimer' ? () => () => undefined : () => undefined;
      else if (CALLED_BACK.has(name)) made[name] = (...args: unknown[]) => { this.calledBack(name, args); };
      else if (ASKED_OF_REQUESTS.has(name)) made[name] = (exchange: number, header?: string) => this.requests.ask(name, exchange, header);
      else made[name] = (...args: unknown[]) => this.call(name, args, real, call);
    }
    return made;
  }

  private call(name: string, args: unknown[], real: Calls, call: Calls[string]): unknown {
    if (this.cleaning) return ECANCELED;
    const number = this.numberOf(current());
    // Only in a recording that began while servers ran: of what the program does besides, it has nothing.
    if (number === undefined) return this.servers!.beside(name, args, call);
    // A timer's, of which a replay has none.
    if (number < 0 && ABOUT_PROCESSES.has(name)) return undefined;
    this.requests.begins(name, args);
    // It had not returned when the recording ended.
    if (!this.recordedFor(number)) return this.never(number, name);
    let recorded!: RecordedCall;
    outside(() => {
      recorded = this.take(number, name);
      for (let i = 0; i < recorded.turns; i++) this.wait(number, name, recorded.result);
      return recorded.turns;
    });
    const numbers = real.fsStatNumbers as unknown as ArrayBuffer | undefined;
    const { result } = recorded;
    if (result === null || typeof result !== 'object' || !('about' in result)) return decodeCall(name, args, result, numbers);
    const value = decodeCall(name, args, result.result, numbers);
    this.requests.came(name, args, value, result.about);
    return value;
  }

  /** Waits until the coroutine is cancelled, and has the turns that it had in the call meanwhile. */
  private never(number: number, name: string): number {
    for (;;) {
      const code = this.wait(number, name, null);
      if (code < 0) return code;
    }
  }

  /** For one turn. Returns the code of what has ended it early. */
  private wait(number: number, name: string, result: Encoded): number {
    const waiter = new Waiter(name);
    const code = plainOf(result);
    const pending = { number, wake() { waiter.wake(); }, interrupted: INTERRUPTIONS.has(code) };
    this.pending.push(pending);
    const ended = waiter.prepare() || native.park(ParkKind.other, 0);
    const index = this.pending.indexOf(pending);
    if (index >= 0) this.pending.splice(index, 1);
    return ended;
  }

  private calledBack(name: string, args: unknown[]): void {
    const number = this.numberOf(current());
    if (number === undefined) throw new NotRecordedError(`${name} of ${String(args[0])} besides requests`);
    const done = args.at(-1) as (error: unknown, value: unknown) => void;
    const recorded = this.take(number, `${name} ${String(args[0])} ${String(args[1])}`);
    const [error, value] = decode(recorded.result) as [unknown, unknown];
    this.pending.push({ number, wake() { done(error ?? null, value); }, interrupted: false });
  }
}
