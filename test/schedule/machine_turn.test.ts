/** Low-importance coroutines of several threads and processes take turns. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROGRAM = new URL('../children/low_importance.mjs', import.meta.url).pathname;

let directory = '';
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'stackful-turns-')); });
afterAll(() => { rmSync(directory, { recursive: true }); });

interface Running {
  child: ChildProcess;
  /** It has the turn. */
  begun: Promise<void>;
  /** The times of the steps of each thread. */
  steps: Promise<number[][]>;
}

function runs(ms: number, threads = 1, environment: NodeJS.ProcessEnv = { XDG_RUNTIME_DIR: directory }): Running {
  const child = spawn(process.execPath, [PROGRAM, String(ms), String(threads)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  let begins = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begins = resolve));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.includes('begins')) begins();
  });
  const steps = new Promise<number[][]>((resolve) => {
    child.on('close', () => { resolve(output.split('\n').filter((line) => line.startsWith('[')).map((line) => JSON.parse(line) as number[])); });
  });
  return { child, begun, steps };
}

/** How often, of all steps in order, one is another thread's than the one before. */
function changes(threads: number[][]): number {
  const all = threads.flatMap((times, thread) => times.map((at) => ({ at, thread }))).sort((a, b) => a.at - b.at);
  return all.filter(({ thread }, i) => i > 0 && all[i - 1]!.thread !== thread).length;
}

describe('work of low importance on one machine', () => {
  it('goes on in one process at a time, in turns', async () => {
    const [one, other] = [runs(4000), runs(4000)];
    const threads = [...await one.steps, ...await other.steps];
    expect(threads).toHaveLength(2);
    for (const steps of threads) expect(steps.length).toBeGreaterThan(20);
    // At once, there would be hundreds.
    expect(changes(threads)).toBeLessThan(30);
  });

  it('goes on in one thread at a time', async () => {
    const threads = await runs(4000, 2).steps;
    expect(threads).toHaveLength(2);
    expect(changes(threads)).toBeLessThan(30);
  });

  it('goes on when a process is killed in its turn', async () => {
    const killed = runs(3_600_000);
    await killed.begun;
    const other = runs(300);
    killed.child.kill('SIGKILL');
    expect((await other.steps)[0]!.length).toBeGreaterThan(0);
    await killed.steps;
  });

  it('goes on when a process is stopped in its turn', async () => {
    const stopped = runs(3_600_000);
    await stopped.begun;
    stopped.child.kill('SIGSTOP');
    expect((await runs(300).steps)[0]!.length).toBeGreaterThan(0);
    stopped.child.kill('SIGKILL');
    await stopped.steps;
  });

  it('needs no directory that it can write in', async () => {
    const none = { XDG_RUNTIME_DIR: join(directory, 'nowhere') };
    const threads = (await Promise.all([runs(500, 1, none).steps, runs(500, 1, none).steps])).flat();
    for (const steps of threads) expect(steps.length).toBeGreaterThan(0);
  });
});
