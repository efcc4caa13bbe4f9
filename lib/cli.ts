#!/usr/bin/env node
// Imports nothing of the library: if that does not load, this program prints the reason and not a stack.
import { readFileSync } from 'node:fs';

import { CliError, ProgramError, UsageError } from './cli/errors.js';
import { HELP } from './cli/help.js';

type Command = (args: string[]) => Promise<void>;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.js')).serveCommand,
  proxy: async () => (await import('./cli/proxy.js')).proxyCommand,
  inspect: async () => (await import('./cli/inspect.js')).inspectCommand,
  run: async () => (await import('./cli/run.js')).runCommand,
  analyze: async () => (await import('./cli/analyze.js')).analyzeCommand,
  doctor: async () => (await import('./cli/doctor.js')).doctorCommand,
};

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main([name, ...args]: string[]): Promise<void> {
  if (name === '--version' || name === '-v') {
    console.log(version());
  } else if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
  } else if (name === undefined) {
    throw new UsageError('a command is missing');
  } else if (Object.hasOwn(COMMANDS, name)) {
    // What comes behind the file of `run` is the program's.
    const own = name === 'run' ? args.slice(0, args.findIndex((arg) => !arg.startsWith('-')) + 1) : args;
    if (own.includes('--help') || own.includes('-h')) process.stdout.write(HELP);
    else await (await COMMANDS[name]!())(args);
  } else {
    throw new UsageError(`there is no command "${name}"`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // As Node shows it.
  if (error instanceof ProgramError) throw error.cause;
  if (error instanceof UsageError) {
    console.error(`stackful: ${error.message}\n\n${HELP}`);
    process.exitCode = 2;
  } else {
    const { name, message } = (error ?? {}) as Partial<Error>;
    if (error instanceof CliError) {
      console.error(`stackful: ${error.message}`);
      // A part may run already: a server whose inspector cannot listen.
      process.exit(1);
    }
    console.error(name === 'UnsupportedRuntimeError' || name === 'LoadedTwiceError' ? message : error);
    process.exitCode = 1;
  }
}
