#!/usr/bin/env node
// Imports nothing of the library: if that does not load, this program prints the reason and not a stack.
import { readFileSync } from 'node:fs';

import { CliError, UsageError } from './cli/errors.js';

const HELP = `Usage: stackful <command>

  serve DIR [--port N] [--host H]   serve the files in DIR over HTTP (default 127.0.0.1:8080)
      --workers N                   in N processes on one port; SIGHUP replaces them without a refused connection
      --policy accept|connections   which connections come first under load: new ones, or open ones
      --shed MS                     while there is a queue, refuse (503) requests that have waited longer
      --connections N               at most N connections for each process; others wait to be accepted
      --cert FILE --key FILE        over HTTPS, with that certificate and its key (PEM)
      --inspect PORT                serve the inspector on PORT, and under the process id
  inspect PID|PORT [dump|graph|stats|metrics] [--host H] [--limit N]
                                    show the coroutines of a program that called inspect()
  doctor                            show what was found of Node, V8 and the kernel, and whether it works
  --help, --version
`;

type Command = (args: string[]) => Promise<void>;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.js')).serveCommand,
  inspect: async () => (await import('./cli/inspect.js')).inspectCommand,
  doctor: async () => (await import('./cli/doctor.js')).doctorCommand,
};

/** Commands that are announced and do not exist yet. */
const LATER: ReadonlySet<string> = new Set(['analyze']);

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
    if (args.includes('--help') || args.includes('-h')) process.stdout.write(HELP);
    else await (await COMMANDS[name]!())(args);
  } else if (LATER.has(name)) {
    throw new UsageError(`the command "${name}" is not available yet`);
  } else {
    throw new UsageError(`there is no command "${name}"`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`stackful: ${error.message}\n\n${HELP}`);
    process.exitCode = 2;
  } else {
    const { name, message } = (error ?? {}) as Partial<Error>;
    if (error instanceof CliError) console.error(`stackful: ${error.message}`);
    else console.error(name === 'UnsupportedRuntimeError' || name === 'LoadedTwiceError' ? message : error);
    process.exitCode = 1;
  }
}
