import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { parseArgs } from 'node:util';

import { addonFile, addonFiles, repair } from '../../scripts/addon_file.mjs';
import { packageRoot } from '../internal/root.js';
import { UsageError } from './errors.js';

function print(rows: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value}`);
}

/** `stackful doctor`: prints what was found, and whether it works. Exit code 1 when it does not. */
export async function doctorCommand(args: string[]): Promise<void> {
  let engine: boolean;
  try {
    // The option is for the process that this one starts.
    ({ engine } = parseArgs({ args, options: { engine: { type: 'boolean', default: false } } }).values);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  if (engine) {
    await printEngine();
    return;
  }
  const { node, v8, modules } = process.versions;
  console.log('Runtime');
  print([
    ['Node', `${node} (ABI ${modules})`],
    ['V8', v8],
    ['platform', `${process.platform}-${process.arch}`],
    ['kernel', release()],
  ]);
  console.log('Addon');
  print([['file', addonFile(packageRoot, process) ?? `none of ${addonFiles(packageRoot, process).join(', ')}`]]);
  testInProcess();
}

/** Tests the addon in a process of its own: an addon that does not fit may crash it, and this process reports that. */
function testInProcess(): void {
  const [, program] = process.argv;
  const command = [...process.execArgv, program!, 'doctor', '--engine'];
  const { status, signal, error } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  if (status === 0) return;
  process.exitCode = 1;
  if (status === 1) return;
  const how = error?.message ?? (signal ? `was ended by ${signal}` : `ended with exit code ${String(status)}`);
  console.error(`stackful: the process that tried the addon ${how}: ${repair(packageRoot)}, and report this if it stays`);
}

async function printEngine(): Promise<void> {
  const { native } = await import('../internal/native.js');
  print([['version', native.version]]);
  // Loading the library tests the engine, too, and throws an UnsupportedRuntimeError here if it does not fit.
  await import('../coroutine/coroutine.js');
  const { ok, reason, findings } = native.doctor();
  console.log('Engine');
  print(findings);
  const { patch, patched, unpatch } = await import('../patch/patch.js');
  const active = patched().length;
  const report = patch();
  if (active === 0) unpatch();
  console.log('stackful/patch');
  print([
    ['functions', `${String(report.patched.length)} ${active === 0 ? 'would park in coroutines' : 'park in coroutines'}`],
    ...report.left.map(({ name, reason }) => [`left ${name}`, reason] as const),
  ]);
  console.log(ok ? 'Self-test passed' : `Self-test failed: ${reason ?? 'no reason given'}`);
  if (!ok) process.exitCode = 1;
}
