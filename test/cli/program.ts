import { spawn as start, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'dist/cli.js');
export const built = existsSync(program);

export interface Run {
  child: ChildProcess;
  output: () => string;
  /** Until the output matches; fails when the program ends before. */
  shows: (pattern: RegExp) => Promise<RegExpExecArray>;
  ended: Promise<{ code: number | null; signal: string | null; output: string }>;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

interface Options {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  nodeArgs?: string[];
  /** Listening descriptors, which it gets as from systemd. */
  sockets?: number[];
}

export function cli(args: string[], options: Options = {}): Run {
  const { sockets = [] } = options;
  const line = [process.execPath, ...(options.nodeArgs ?? []), program, ...args];
  // exec keeps the number of the process.
  const [file, ...words] = sockets.length > 0 ? ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"', ...line] : line;
  const child = start(file!, words, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...(sockets.length > 0 && { LISTEN_FDS: String(sockets.length) }), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe', ...sockets],
  }) as ChildProcessWithoutNullStreams;
  running.add(child);
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code: code as number | null, signal: signal as string | null, output };
  });
  let over = false;
  void ended.then(() => (over = true));
  return {
    child,
    output: () => output,
    async shows(pattern) {
      for (;;) {
        const match = pattern.exec(output);
        if (match) return match;
        if (over) throw new Error(`ended without showing ${pattern}:\n${output}`);
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
    },
    ended,
  };
}

export async function served(...args: string[]): Promise<Run & { url: string }> {
  const run = cli(['serve', 'examples/site', '--port', '0', ...args]);
  const [, url] = await run.shows(/Knot serves examples\/site on (http:\S+)/);
  return Object.assign(run, { url: url! });
}
