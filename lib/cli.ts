#!/usr/bin/env node
// Imports nothing of the library: if that does not load, this program prints the reason and not a stack.
import { readFileSync } from 'node:fs';

import { CliError, ProgramError, UsageError } from './cli/errors.js';

const HELP = `Usage: stackful <command>

  serve DIR [--port N] [--host H]   serve the files in DIR over HTTP (default 127.0.0.1:8080)
      --workers N                   in N processes on one port; SIGHUP replaces them without a refused connection
      --policy accept|connections   which connections come first under load: new ones, or open ones
      --shed MS                     while there is a queue, refuse (503) requests that have waited longer
      --connections N               at most N connections for each process; others wait to be accepted
      --cert FILE --key FILE        over HTTPS, with that certificate and its key (PEM)
      --http2                       over HTTP/2, too, where clients want it
      --compress, --precompressed   compress files for clients that accept it; send FILE.br, FILE.zst or FILE.gz for FILE
      --spa                         send index.html for paths of the page's own
      --listing                     show the files of a folder without an index
      --log FILE                    a line for each request, to FILE or to - (standard output); SIGHUP opens FILE anew
      --log-format json|common|combined
      --inspect PORT                serve the inspector on PORT, and under the process id; of all workers
  proxy UPSTREAM... [--port N] [--host H]
                                    pass requests on to the servers with these URLs (default 127.0.0.1:8080)
      --balance least|turn|address|header:NAME|cookie:NAME
                                    which of them gets a request: the one with the fewest, each in turn, or by a hash
      --health PATH                 ask each for PATH every 5 seconds, and leave out those that do not answer well
      --upstream-host               tell them their own name as Host, not the client's
      --trust                       pass on what clients say in X-Forwarded-For and its kin
      --timeout MS                  for the head of an answer, and from one piece of its body to the next (default 60000)
      --cert FILE --key FILE        over HTTPS, with that certificate and its key (PEM)
  inspect PID|PORT [dump|graph|stats|metrics] [--host H] [--token T] [--limit N]
                                    show the coroutines of a program that called inspect()
  run FILE [ARGUMENT...]            run a program in a coroutine: it can wait at its top level
      --patch                       Node's blocking functions park in coroutines, too
  analyze DIR                       find calls that wait where they cannot, and races and locks around those that can
      --format text|json|sarif      (default text); exit code 1 if there are errors or warnings
      --project FILE                the tsconfig.json that names the sources (default: that in DIR, or else all sources in DIR)
      --fresh                       even if no file has changed since the last time
      --notes                       with what is worth knowing and no mistake
      --main                        the main module runs in a coroutine
      --graph FILE                  write the blocking graph, for Graphviz; --measured FILE lays over it what
                                    stackful inspect PID graph has printed
      --sharding                    show which handlers share no state, and could run in different workers
      --tree                        show the functions that may park, and through which call
  doctor                            show what was found of Node, V8 and the kernel, and whether it works
  --help, --version
`;

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
    if (error instanceof CliError) console.error(`stackful: ${error.message}`);
    else console.error(name === 'UnsupportedRuntimeError' || name === 'LoadedTwiceError' ? message : error);
    process.exitCode = 1;
  }
}
