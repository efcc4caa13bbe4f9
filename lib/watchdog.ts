import { channel } from 'node:diagnostics_channel';
import { constants } from 'node:os';
import { inspect } from 'node:util';

import { atomic } from './atomic.js';
import { current, type Coroutine } from './coroutine.js';
import { dumpText, durationText, inspectCoroutine, visibleCoroutines } from './dump.js';
import { functionOf, numberIn, oneOf } from './internal/arguments.js';
import { systemError } from './internal/codes.js';
import { native } from './internal/native.js';

/** Somebody has held the thread longer than the watchdog's limit, and still does. */
export interface Hold {
  /** For how long so far, in milliseconds. */
  ms: number;
  /** Who does; undefined when it is the main stack: a callback, a promise reaction, the main module. */
  coroutine: Coroutine | undefined;
  /** The JavaScript stack there. Empty when it was over before it could be looked at, as in one long system call. */
  stack: string;
}

export interface WatchdogOptions {
  /** How long a coroutine, or the main stack, may hold the thread, in milliseconds; at least 1. */
  limit: number;
  /**
   * Told once for each time, instead of stderr. Called in the middle of the code that holds the thread: it must not park,
   * and had better touch nothing that code works with.
   */
  report?: (hold: Hold) => void;
}

export type DumpSignal = 'SIGUSR2' | 'SIGQUIT' | 'SIGHUP';

const SIGNALS = ['SIGUSR2', 'SIGQUIT', 'SIGHUP'] as const;
/** The kinds of native/binding/watch.h. */
const DUMP = 1;
const HOLD = 2;
const LONGEST_LIMIT = 24 * 3600 * 1000;
/** A dump that a signal asked for stops the thread: so many stacks at most. */
const DUMP_LIMIT = 1_000;

const holds = channel('stackful.hold');
let toReport: ((hold: Hold) => void) | undefined;

/** @internal */
export function checkWatchdog(name: string, options: WatchdogOptions | false): void {
  if (options === false) return;
  numberIn(`${name}.limit`, options.limit, 1, LONGEST_LIMIT);
  if (options.report !== undefined) functionOf(`${name}.report`, options.report);
}

/** See `configure`. @internal */
export function setWatchdog(options: WatchdogOptions | false): void {
  const code = native.watchHolds(options === false ? 0 : options.limit);
  if (code < 0) throw systemError(code, 'pthread_create');
  toReport = options === false ? undefined : options.report;
}

/** @internal */
export function checkDumpSignal(name: string, signal: DumpSignal | false): void {
  oneOf<unknown>(name, signal, [...SIGNALS, false]);
}

/** See `configure`. @internal */
export function setDumpSignal(signal: DumpSignal | false): void {
  const code = native.dumpOn(signal === false ? 0 : constants.signals[signal]);
  if (code < 0) throw systemError(code, 'sigaction');
}

function holdText({ ms, coroutine, stack }: Hold): string {
  const who = coroutine ? `coroutine #${String(coroutine.id)}${coroutine.name ? ` ${coroutine.name}` : ''}` : 'the main stack';
  return stack
    ? `stackful: ${who} has held the thread for ${durationText(ms)}\n${stack}\n`
    : `stackful: somebody held the thread for more than ${durationText(ms)}, in one call that is over\n`;
}

function dumpOfBusyThread(stack: string): string {
  const all = visibleCoroutines();
  const infos = all.slice(0, DUMP_LIMIT).map((c) => inspectCoroutine(c, stack));
  const text = dumpText(infos, all.length);
  return `${text}${stack && !current() ? `\n\nthe main stack: running\n${stack}` : ''}\n`;
}

function tell(listener: (hold: Hold) => void, hold: Hold): void {
  try {
    atomic(() => { listener(hold); });
  } catch (error) {
    native.writeToStderr(`stackful: the watchdog's report failed: ${inspect(error)}\n`);
  }
}

/** Called by native/binding/watch.cc in the middle of anything. */
function report(kinds: number, ms: number, stack: string): void {
  try {
    if (kinds & HOLD) {
      const hold: Hold = { ms, coroutine: stack ? current() : undefined, stack };
      if (holds.hasSubscribers) atomic(() => { holds.publish(hold); });
      if (toReport) tell(toReport, hold);
      else native.writeToStderr(holdText(hold));
    }
    if (kinds & DUMP) native.writeToStderr(dumpOfBusyThread(stack));
  } catch (error) {
    // Too little stack left for this: native code tries once more on another one.
    if (error instanceof RangeError) throw error;
    native.writeToStderr(`stackful: diagnostics failed: ${inspect(error)}\n`);
  }
}

native.startWatch(report);
