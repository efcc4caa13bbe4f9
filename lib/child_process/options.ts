import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

import { integerIn, invalidType, invalidValue, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';

/** The options that every call of this module has, most of them Node's. */
export interface CommonOptions extends ParkOptions {
  /** The child's working directory. Default: this process's. */
  cwd?: string | URL | null;
  /** The child's environment. Default: `process.env`. The program is looked for in its `PATH`. */
  env?: Readonly<Record<string, string | undefined>> | null;
  /** What the child finds as the first of its arguments. Default: the file. */
  argv0?: string;
  /** The user that the child becomes. */
  uid?: number;
  /** The group that the child becomes. */
  gid?: number;
  /** Whether a shell runs the command, `/bin/sh` or the one that is named. Arguments are not quoted for it. Default: false. */
  shell?: boolean | string;
  /** After so many milliseconds the child gets `killSignal`, and everything it has started that can be found. 0: never. */
  timeout?: number;
  /** The signal that ends the child at the time limit, at an interruption, or when `signal` is aborted. Default: SIGTERM. */
  killSignal?: NodeJS.Signals | number;
  /** How many milliseconds the child has to end after `killSignal`, before SIGKILL ends it. Default: 1000. */
  killGrace?: number;
  /** Of Windows: without effect. */
  windowsHide?: boolean;
}

export const COMMON = [
  'cwd', 'env', 'argv0', 'uid', 'gid', 'shell', 'timeout', 'killSignal', 'killGrace', 'windowsHide', 'windowsVerbatimArguments', 'signal',
];

/** What is left of arguments and options once they have been checked. */
export interface Command {
  readonly file: string;
  /** With `argv[0]`. */
  readonly args: readonly string[];
  readonly env: string | undefined;
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly timeout: number;
  readonly killSignal: number;
  readonly killGrace: number;
}

const MOST_INT = 2 ** 31 - 1;
const OURS = -1;
const GRACE_MS = 1000;
/** Replacing it is allowed; then it is no longer the environment of the process. */
const ownEnv = process.env;

/**
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`, `ERR_UNKNOWN_SIGNAL`), RangeError
 *   (`ERR_OUT_OF_RANGE`)
 */
export function commandOf(
  operation: string,
  file: string,
  args: readonly string[],
  options: CommonOptions,
  known: ReadonlySet<string>,
): Command {
  knownOptions(operation, options, known);
  textOf('file', file);
  if (file === '') throw invalidValue('file', 'not empty', file);
  const given = args.map((one, i) => textOf(`args[${String(i)}]`, String(one)));
  const shell = options.shell ?? false;
  const argv0 = options.argv0 ?? undefined;
  if (typeof shell !== 'boolean') textOf('options.shell', shell);
  let program = file;
  if (shell) {
    given.splice(0, given.length, '-c', [file, ...given].join(' '));
    program = typeof shell === 'string' ? shell : '/bin/sh';
  }
  const all = [argv0 === undefined ? program : textOf('options.argv0', argv0), ...given];
  return {
    file: program,
    args: all,
    env: environmentOf(options.env ?? undefined, all),
    cwd: directoryOf(options.cwd ?? ''),
    uid: idOf('options.uid', options.uid ?? undefined),
    gid: idOf('options.gid', options.gid ?? undefined),
    timeout: amountOf('options.timeout', options.timeout ?? 0),
    killSignal: signalNumber(options.killSignal ?? 'SIGTERM'),
    killGrace: amountOf('options.killGrace', options.killGrace ?? GRACE_MS),
  };
}

function textOf(name: string, value: string): string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  if (value.includes('\0')) throw invalidValue(name, 'a string without null bytes', value);
  return value;
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`), RangeError (`ERR_OUT_OF_RANGE`) @internal */
export function amountOf(name: string, value: number): number {
  return numberIn(name, value, 0, Infinity);
}

function directoryOf(cwd: string | URL): string {
  return textOf('options.cwd', cwd instanceof URL ? fileURLToPath(cwd) : cwd);
}

function idOf(name: string, id: number | undefined): number {
  if (id === undefined) return OURS;
  return integerIn(name, id, 0, MOST_INT);
}

/** The number of a signal. @throws TypeError (`ERR_UNKNOWN_SIGNAL`, `ERR_INVALID_ARG_TYPE`) */
export function signalNumber(signal: NodeJS.Signals | number): number {
  if (typeof signal === 'string') {
    const number = (constants.signals as Record<string, number | undefined>)[signal.toUpperCase()];
    if (number !== undefined) return number;
  } else if (typeof signal !== 'number') {
    throw invalidType('killSignal', 'of type string or number', signal);
  } else if (signal === 0 || nameOfSignal(signal) !== null) {
    return signal;
  }
  throw Object.assign(new TypeError(`Unknown signal: ${String(signal)}`), { code: 'ERR_UNKNOWN_SIGNAL' });
}

const names = new Map(Object.entries(constants.signals).reverse().map(([name, number]) => [number, name as NodeJS.Signals]));

/** The name of a signal, or null for no signal's number. */
export function nameOfSignal(number: number): NodeJS.Signals | null {
  return names.get(number) ?? null;
}

/** As `childStart` takes it; undefined for that of the process, which native code copies in a tenth of the time. */
function environmentOf(env: Readonly<Record<string, string | undefined>> | undefined, args: readonly string[]): string | undefined {
  const restricted = permissionFlags();
  if (!env && !restricted && isMainThread && process.env === ownEnv) return undefined;
  const pairs: Record<string, string | undefined> = {};
  // Inherited properties too, as Node has it.
  for (const key in env ?? process.env) pairs[key] = (env ?? process.env)[key];
  // Coverage is collected also of programs that get an environment of their own.
  const coverage = process.env['NODE_V8_COVERAGE'];
  if (env && coverage && !Object.hasOwn(env, 'NODE_V8_COVERAGE')) pairs['NODE_V8_COVERAGE'] = coverage;
  const options = pairs['NODE_OPTIONS'];
  if (restricted && !args.some((one) => one.startsWith('--permission')) && !options?.includes('--permission')) {
    pairs['NODE_OPTIONS'] = [options, restricted].filter(Boolean).join(' ');
  }
  let text = '';
  for (const [key, value] of Object.entries(pairs)) {
    if (value === undefined) continue;
    textOf(`options.env['${key}']`, key);
    text += `${key}=${textOf(`options.env['${key}']`, String(value))}\0`;
  }
  return text;
}

/** A child of a restricted Node is restricted in the same way, as Node has it from 22 on. */
function permissionFlags(): string {
  if (!('permission' in process)) return '';
  return process.execArgv.filter((flag) => /^--(permission|allow-)/.test(flag)).join(' ');
}
