import { release } from 'node:os';
import { parseArgs } from 'node:util';

import { UsageError } from './errors.js';

function print(rows: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value}`);
}

/** `stackful doctor`: what was found, and whether it works. Exit code 1 when it does not. */
export async function doctorCommand(args: string[]): Promise<void> {
  try {
    parseArgs({ args, options: {} });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const { node, v8, modules } = process.versions;
  console.log('Runtime');
  print([
    ['Node', `${node} (ABI ${modules})`],
    ['V8', v8],
    ['platform', `${process.platform}-${process.arch}`],
    ['kernel', release()],
  ]);
  // Loading the library already tests it; what does not fit comes out here, as an UnsupportedRuntimeError.
  await import('../coroutine.js');
  const { native } = await import('../internal/native.js');
  const { ok, reason, findings } = native.doctor();
  console.log('Engine');
  print(findings);
  console.log(ok ? 'Self-test passed' : `Self-test failed: ${reason ?? 'no reason given'}`);
  if (!ok) process.exitCode = 1;
}
