import { createRequire } from 'node:module';
import { resolve } from 'node:path';

import { runMain } from '../main/run_main.js';
import { patch } from '../patch/patch.js';
import { CliError, ProgramError, UsageError } from './errors.js';

/** `stackful run [--patch] FILE [ARGUMENT...]`: runs a program in a coroutine. */
export async function runCommand(args: string[]): Promise<void> {
  let withPatch = false;
  let rest = args;
  while (rest[0]?.startsWith('-')) {
    if (rest[0] !== '--patch') throw new UsageError(`run: there is no option ${rest[0]}`);
    withPatch = true;
    rest = rest.slice(1);
  }
  const [file, ...others] = rest;
  if (file === undefined) throw new UsageError('run: a file is missing');
  const path = resolveMain(file);
  process.argv.splice(1, process.argv.length, path, ...others);
  if (withPatch) patch();
  try {
    await runMain(path);
  } catch (error) {
    throw new ProgramError(error);
  }
}

function resolveMain(file: string): string {
  try {
    return createRequire(import.meta.url).resolve(resolve(file));
  } catch (error) {
    throw new CliError(`there is no program ${file}`, { cause: error });
  }
}
