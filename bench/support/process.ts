/** Starting other programs: pinned to a core, with every file descriptor the system allows. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { BenchError } from './bench.js';

/**
 * What is measured runs here; the load generator runs on the other core, so that neither takes time from the
 * other.
 */
export const SUBJECT_CORE = 0;
export const LOAD_CORE = 1;

const execute = promisify(execFile);

/**
 * The path of `program`, searched like a shell would, also where daemons live; undefined when it is not
 * installed.
 */
export function installed(program: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const candidates = directories.map((directory) => join(directory, program));
  return (program.includes('/') ? [program] : candidates).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end and returns what it wrote to stdout. */
export async function run(command: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(command[0]!, command.slice(1), { maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new BenchError(`${command.join(' ')}: ${stderr?.trim() || message}`);
  }
}

/** The hard limit on open files, which children get as their soft limit too. */
export function openFilesLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const hard = line?.[1];
  return hard === undefined || hard === 'unlimited' ? 1 << 20 : Number(hard);
}

/** `command` on one core only. Both wrappers replace themselves, so the process id is the program's own. */
export function pinned(core: number, command: readonly string[]): string[] {
  if (core >= availableParallelism()) throw new BenchError(`needs ${core + 1} cores, this machine has fewer`);
  for (const tool of ['taskset', 'prlimit']) {
    if (!installed(tool)) throw new BenchError(`needs ${tool} (apt-get install util-linux)`);
  }
  const limit = openFilesLimit();
  return ['prlimit', `--nofile=${limit}:${limit}`, 'taskset', '-c', String(core), ...command];
}

const children = new Set<ChildProcess>();

/** Ends the processes that still run. Not with SIGKILL: nginx's master would leave its worker behind. */
export function stopChildren(): void {
  for (const child of children) child.kill('SIGTERM');
}
process.on('exit', stopChildren);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Starts a program that ends with this process at the latest. */
export function start(command: readonly string[]): ChildProcess {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

/** Whether a child has ended by itself or was ended. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Ends a child that may have ended already, and returns when it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** Runs a measuring program on the subject's core; it prints one line of JSON. */
export async function measure<T>(command: readonly string[]): Promise<T> {
  const output = await run(pinned(SUBJECT_CORE, command));
  try {
    return JSON.parse(output) as T;
  } catch {
    throw new BenchError(`${command.join(' ')} printed no JSON: ${output.slice(0, 200)}`);
  }
}
