import { channel } from 'node:diagnostics_channel';
import { constants } from 'node:os';
import { inspect } from 'node:util';

import { atomic } from '../coroutine/atomic.js';
import type { Coroutine } from '../coroutine/coroutine.js';
import { functionOf, numberIn, oneOf } from '../internal/arguments.js';
import { nameOf } from '../internal/names.js';
import { systemError } from '../internal/system_errors.js';
import { current } from '../internal/current.js';
import { native, owns } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { rootUrl } from '../internal/root.js';
import { dumpText, durationText, inspectCoroutine, visibleCoroutines } from './dump.js';

/** A hold: code that has held the thread longer than the watchdog's limit, and still does. */
export interface Hold {
  /** For how long so far, in milliseconds. */
  ms: number;
  /** The coroutine that holds it; undefined for the main stack: a callback, a promise reaction, the main module. */
  coroutine: Coroutine | undefined;
  /** Its JavaScript stack. Empty when the hold ended before the stack could be read, as with one long system call. */
  stack: string;
}

/** The watchdog of `configure({ watchdog })`. */
export interface WatchdogOptions {
  /** How long a coroutine, or the main stack, may hold the thread, in milliseconds; at least 1. */
  limit: number;
  /**
   * Called once for each hold, instead of a line on stderr, with the hold as it was seen. It runs in the middle of the code that
   * holds the thread, where V8 lets other JavaScript run, or once the hold is over where no such place comes (in one long call
   * of native code, or inside Node's own JavaScript). It must not park. Subscribers of the diagnostics channel `stackful.hold` are told
   * at the same places if there are any when `configure` is called; later ones, once the hold is over.
   */
  report?: (hold: Hold) => void;
}

/** The signals that `configure({ dumpSignal })` takes. */
export type DumpSignal = 'SIGUSR2' | 'SIGQUIT' | 'SIGHUP';

const SIGNALS = ['SIGUSR2', 'SIGQUIT', 'SIGHUP'] as const;
/** The kinds of native/binding/watch.h. */
const DUMP = 1;
const HOLD = 2;
const LONGEST_LIMIT = 24 * 3600 * 1000;
/** The most stacks in a dump for a signal, because it stops the thread. */
const DUMP_LIMIT = 1_000;

const KNOWN = new Set(['limit', 'report']);

const holds = channel('stackful.hold');
let toReport: ((hold: Hold) => void) | undefined;
/** Holds that the user's code is to be told of. */
const untold: Hold[] = [];

/** @internal */
export function checkWatchdog(name: string, options: WatchdogOptions | false): void {
  if (options === false) return;
  knownOptions(name, options, KNOWN);
  numberIn(`${name}.limit`, options.limit, 1, LONGEST_LIMIT);
  if (options.report !== undefined) functionOf(`${name}.report`, options.report);
}

/** See `configure`. @internal */
export function setWatchdog(options: WatchdogOptions | false): void {
  // Where that does not work out, the user's code is told when the hold is over.
  if (options !== false && (options.report ?? holds.hasSubscribers)) native.learnInterruptSites(rootUrl);
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
  const who = coroutine ? `coroutine ${nameOf(coroutine)}` : 'the main stack';
  return stack
    ? `stackful: ${who} has held the thread for ${durationText(ms)}\n${stack}\n`
    : `stackful: one call, now over, held the thread for more than ${durationText(ms)}\n`;
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

/** Runs the user's code. */
function tellAll(): void {
  for (let hold = untold.shift(); hold; hold = untold.shift()) {
    const one = hold;
    if (holds.hasSubscribers) atomic(() => { holds.publish(one); });
    if (toReport) tell(toReport, one);
  }
}

/** native/binding/watch.cc calls it in the middle of any code: see the rules there. */
function report(kinds: number, ms: number, stack: string, open: boolean): boolean {
  try {
    if (kinds & HOLD) {
      const hold: Hold = { ms, coroutine: stack ? current() : undefined, stack };
      if (!toReport) native.writeToStderr(holdText(hold));
      if (toReport ?? holds.hasSubscribers) untold.push(hold);
    }
    if (kinds & DUMP) native.writeToStderr(dumpOfBusyThread(stack));
    if (open) tellAll();
  } catch (error) {
    // Too little stack was left: native code tries once more on another stack.
    if (error instanceof RangeError) throw error;
    native.writeToStderr(`stackful: diagnostics failed: ${inspect(error)}\n`);
  }
  return untold.length > 0;
}

if (owns) native.startWatch(report);
