import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { noteCrash } from './crash.js';

export interface ChildResult {
  /** Exit code, or the signal's name. */
  exit: number | string;
  stdout: string;
  stderr: string;
}

/** Runs test/children/NAME with the Node that runs the tests; crashes and exits are told apart by `exit`. */
export function runChild(
  name: string,
  args: readonly (string | number)[] = [],
  options: { flags?: readonly string[]; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<ChildResult> {
  const file = fileURLToPath(new URL(`../children/${name}`, import.meta.url));
  const command = [...(options.flags ?? []), file, ...args.map(String)];
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const exit = code ?? signal ?? 'unknown';
      noteCrash(child.pid, exit, command).then(() => { resolve({ exit, stdout, stderr }); }, reject);
    });
  });
}
