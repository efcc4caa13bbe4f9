import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import type { Server } from '../http.js';
import { CliError, UsageError } from './errors.js';
import { showStatistics } from './statistics.js';

/** How long requests under way may take when the program is told to end, in milliseconds. */
const DRAIN_MS = 10_000;
/** What a handler that does not end when it is cancelled gets on top. */
const GRACE_MS = 1_000;
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** Announced, and not there yet. */
const LATER = ['policy', 'workers'] as const;

interface ServeArguments {
  directory: string;
  port: number;
  host: string;
  inspectPort: number | undefined;
}

function portOf(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new UsageError(`--${option} ${text}: not a port number`);
  return port;
}

function read(args: string[]): ServeArguments {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        port: { type: 'string', short: 'p', default: '8080' },
        host: { type: 'string', default: '127.0.0.1' },
        policy: { type: 'string' },
        workers: { type: 'string' },
        inspect: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const { values, positionals } = parsed;
  for (const option of LATER) if (values[option] !== undefined) throw new UsageError(`--${option} is not available yet`);
  const [directory, ...others] = positionals;
  if (directory === undefined) throw new UsageError('serve: which directory?');
  if (others.length > 0) throw new UsageError(`serve: one directory, not also ${others.join(', ')}`);
  const inspectPort = values.inspect === undefined ? undefined : portOf('inspect', values.inspect);
  return { directory, port: portOf('port', values.port), host: values.host, inspectPort };
}

function explain(error: unknown, { directory, port, host }: Pick<ServeArguments, 'directory' | 'port' | 'host'>): Error {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const at = `${host}:${String(port)}`;
  switch (code) {
    case 'EADDRINUSE':
      return new CliError(`something listens on ${at} already (EADDRINUSE); choose another --port`, { cause: error });
    case 'EACCES':
      return new CliError(
        syscall === 'listen' ? `no permission to listen on ${at} (EACCES)` : `no permission to read ${directory} (EACCES)`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'ERR_INVALID_IP_ADDRESS':
      return new CliError(`--host ${host} is not an address of this machine (${code})`, { cause: error });
    case 'ENOENT':
      return new CliError(`there is no directory ${directory} (ENOENT)`, { cause: error });
    case 'ENOTDIR':
      return new CliError(`${directory} is not a directory (ENOTDIR)`, { cause: error });
    default:
      return code === undefined ? (error as Error) : new CliError(message, { cause: error });
  }
}

function urlOf(server: Server): string {
  if (typeof server.address === 'string') return server.address;
  const { address, family, port } = server.address;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`;
}

/** Waits for a signal; the next one ends the program on the spot. */
async function untilToldToEnd(): Promise<void> {
  await new Promise<void>((resolve) => {
    let told = false;
    for (const [signal, number] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (told) process.exit(128 + number);
        told = true;
        resolve();
      });
    }
  });
}

/** `stackful serve DIR`: returns when the server has been told to end, and has. */
export async function serveCommand(args: string[]): Promise<void> {
  const given = read(args);
  const { serve, staticFiles } = await import('../http.js');
  let server: Server;
  try {
    server = serve(staticFiles(given.directory), { port: given.port, host: given.host });
  } catch (error) {
    throw explain(error, given);
  }
  if (given.inspectPort !== undefined) {
    const { inspect } = await import('../inspect.js');
    const at = { directory: given.directory, port: given.inspectPort, host: '127.0.0.1' };
    try {
      console.log(`Inspector on http://127.0.0.1:${String(inspect({ port: at.port }).port)}`);
    } catch (error) {
      throw explain(error, at);
    }
  }
  const told = untilToldToEnd();
  console.log(`Knot serves ${given.directory} on ${urlOf(server)}`);
  const statistics = showStatistics(server, process.stdout);
  await told;
  statistics.stop();
  const { connections } = server.stats;
  const closed = server.close({ deadline: DRAIN_MS });
  if (connections > 0) console.log(`Ending; ${String(connections)} connections are open. Once more to end at once.`);
  await Promise.race([closed, delay(DRAIN_MS + GRACE_MS)]);
  process.exit(0);
}
