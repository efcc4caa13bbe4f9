import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const fatal = new Set<number | string>(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGTRAP']);
// The longest answer first, because only the end of a long log is kept.
const questions = ['info proc mappings', 'info registers', 'x/32gx $sp', 'x/8i $pc', 'bt 25'];

/**
 * Notes in the directory STACKFUL_CRASHES where a child process crashed, so that a crash that does not come again can be
 * explained. `.ci/run` sets the variable, has the kernel write core files, and prints what is noted.
 *
 * @param pid the process that was ended
 * @param exit the signal's name
 * @param command what it ran
 * @returns when the note is written, or at once when there is nothing to note
 */
export async function noteCrash(pid: number | undefined, exit: number | string, command: readonly string[]): Promise<void> {
  const directory = process.env.STACKFUL_CRASHES;
  if (!directory || typeof exit === 'number') return;
  // The two names without a directory that a core file may have.
  const core = readdirSync('.').find((name) => name === 'core' || name === `core.${String(pid)}`);
  if (!core) return;
  // A process that ends by SIGABRT has printed the reason, and a test caused it (a full heap).
  if (!fatal.has(exit) || !existsSync('/usr/bin/gdb')) {
    rmSync(core, { force: true });
    return;
  }
  const asked = questions.flatMap((question) => ['-ex', question]);
  const answer = await new Promise<string>((resolve) => {
    execFile('gdb', ['-batch', '-nx', ...asked, process.execPath, core], { timeout: 60_000, maxBuffer: 1 << 24 }, (_, stdout) => {
      resolve(stdout);
    });
  });
  rmSync(core, { force: true });
  mkdirSync(directory, { recursive: true });
  // Without the lines about threads, and without the mappings of the system's loader.
  const noted = answer.replace(/^\[New LWP.*\n|^ .*\/lib\/.*\n/gm, '').slice(-12_000);
  appendFileSync(join(directory, 'crashes.txt'), `\n${noted}\n=== ${exit}: ${command.join(' ')} (Node ${process.version})\n`);
}
