import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import type { Server, ServeOptions } from '../http.js';
import { CliError, UsageError } from './errors.js';
import { showStatistics } from './statistics.js';
import { WORKER_FD, Workers, type FromWorker, type ToWorker } from './workers.js';

/** How long requests under way may take when the program is told to end, in milliseconds. */
const DRAIN_MS = 10_000;
/** What a handler that does not end when it is cancelled gets on top. */
const GRACE_MS = 1_000;
/** At SIGTERM, for how long idle connections may still bring a request that is on its way. Nobody waits for it at Ctrl-C. */
const IDLE_MS = 1_000;
const STATISTICS_MS = 1_000;
const MOST_WORKERS = 1024;
const POLICIES = ['connections', 'accept'] as const;
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

interface ServeArguments {
  directory: string;
  port: number;
  host: string;
  inspectPort: number | undefined;
  /** 0: this process serves. */
  workers: number;
  /** Is this one of the workers? */
  worker: boolean;
  policy: (typeof POLICIES)[number] | undefined;
  options: Pick<ServeOptions, 'shed' | 'maxConnections'>;
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
        workers: { type: 'string', default: '0' },
        shed: { type: 'string' },
        connections: { type: 'string' },
        worker: { type: 'boolean', default: false },
        inspect: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const { values, positionals } = parsed;
  const [directory, ...others] = positionals;
  if (directory === undefined) throw new UsageError('serve: which directory?');
  if (others.length > 0) throw new UsageError(`serve: one directory, not also ${others.join(', ')}`);
  const inspectPort = values.inspect === undefined ? undefined : portOf('inspect', values.inspect);
  const workers = wholeNumber('workers', values.workers, MOST_WORKERS);
  if (workers > 0 && inspectPort !== undefined) throw new UsageError('--inspect is for one process, not for --workers');
  const { shed, connections } = values;
  const policy = POLICIES.find((name) => name === values.policy);
  if (policy !== values.policy) throw new UsageError(`--policy ${values.policy!}: it is ${POLICIES.join(' or ')}`);
  const options = {
    ...(shed !== undefined && { shed: { delayMs: wholeNumber('shed', shed, 60_000, 1) } }),
    ...(connections !== undefined && { maxConnections: wholeNumber('connections', connections, 1e9, 1) }),
  };
  const port = portOf('port', values.port);
  return { directory, port, host: values.host, inspectPort, workers, worker: values.worker, policy, options };
}

function wholeNumber(name: string, text: string, most: number, least = 0): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > most || number < least) {
    throw new UsageError(`--${name} ${text}: not a whole number from ${String(least)} to ${String(most)}`);
  }
  return number;
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

function urlOf({ address, family, port }: { address: string; family: string; port: number }): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`;
}

/** Waits for a signal, and returns it; the next one ends the program on the spot. */
async function untilToldToEnd(atOnce: () => void = () => undefined): Promise<keyof typeof SIGNALS> {
  return new Promise((resolve) => {
    let told = false;
    for (const [signal, number] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (told) {
          atOnce();
          process.exit(128 + number);
        }
        told = true;
        resolve(signal as keyof typeof SIGNALS);
      });
    }
  });
}

const idleFor = (signal: keyof typeof SIGNALS): number => (signal === 'SIGTERM' ? IDLE_MS : 0);

function sayEnding(connections: number): void {
  if (connections > 0) console.log(`Ending; ${String(connections)} connections are open. Once more to end at once.`);
}

async function serveDirectory({ directory, policy, options }: ServeArguments, where: ServeOptions): Promise<Server> {
  const { serve, staticFiles } = await import('../http.js');
  if (policy !== undefined) (await import('../configure.js')).configure({ schedulingPolicy: policy });
  return serve(staticFiles(directory), { ...where, ...options });
}

/** `stackful serve DIR`: returns when the server has been told to end, and has. */
export async function serveCommand(args: string[]): Promise<void> {
  const given = read(args);
  if (given.worker) return serveAsWorker(given);
  if (given.workers > 0) return serveWithWorkers(given, args);
  let server: Server;
  try {
    server = await serveDirectory(given, { port: given.port, host: given.host });
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
  const { address } = server;
  console.log(`Knot serves ${given.directory} on ${typeof address === 'string' ? address : urlOf(address)}`);
  const statistics = showStatistics(server, process.stdout);
  const signal = await told;
  statistics.stop();
  const { connections } = server.stats;
  const closed = server.close({ deadline: DRAIN_MS, idle: idleFor(signal) });
  sayEnding(connections);
  await Promise.race([closed, delay(DRAIN_MS + GRACE_MS)]);
  process.exit(0);
}

/** Does SIGHUP mean what its name says: the terminal has gone? */
function hasHungUp(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/** The process that holds the sockets, and starts and replaces those that serve. */
async function serveWithWorkers(given: ServeArguments, args: string[]): Promise<void> {
  const { addressOfFd, listenFd } = await import('../http/server.js');
  const fds: number[] = [];
  let { port } = given;
  try {
    for (let i = 0; i < given.workers; i++) {
      fds.push(listenFd(given.host, port));
      port = addressOfFd(fds[0]!).port;
    }
  } catch (error) {
    throw explain(error, given);
  }
  const workers = new Workers(fds, [process.argv[1]!, 'serve', ...args, '--worker']);
  const told = untilToldToEnd(() => { workers.kill(); });
  try {
    await workers.start();
  } catch (error) {
    workers.kill();
    throw error;
  }
  process.on('SIGHUP', () => {
    if (hasHungUp()) process.exit(129);
    workers.reload(DRAIN_MS, IDLE_MS).then(
      () => { console.log('Every worker has been replaced'); },
      (error: unknown) => { console.error(`stackful: ${(error as Error).message}; the old workers go on`); },
    );
  });
  console.log(`Knot serves ${given.directory} on ${urlOf(addressOfFd(fds[0]!))} with ${String(given.workers)} workers`);
  const statistics = showStatistics(workers, process.stdout);
  const signal = await told;
  statistics.stop();
  sayEnding(workers.stats.connections);
  await Promise.race([workers.end(DRAIN_MS, idleFor(signal)), delay(DRAIN_MS + 2 * GRACE_MS)]);
  workers.kill();
  process.exit(0);
}

/** One of the processes that serve: its socket is there already. */
async function serveAsWorker(given: ServeArguments): Promise<void> {
  const tell = (message: FromWorker): void => {
    if (process.connected) process.send!(message);
  };
  // A terminal's signals go to all; it is for the one above to say what follows from them.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  let server: Server;
  try {
    server = await serveDirectory(given, { fd: WORKER_FD });
  } catch (error) {
    tell({ failed: explain(error, given).message });
    process.exit(1);
  }
  const statistics = setInterval(() => { tell({ stats: server.stats }); }, STATISTICS_MS);
  const { deadline, idle } = await new Promise<Omit<ToWorker, 'drain'>>((resolve) => {
    process.on('message', (message: ToWorker) => { resolve(message); });
    // Also when the one above has gone without a word.
    for (const event of ['disconnect', 'SIGTERM']) process.on(event, () => { resolve({ deadline: DRAIN_MS, idle: IDLE_MS }); });
    tell({ ready: true });
  });
  const ended = server.close({ deadline, idle });
  tell({ closed: true });
  await Promise.race([ended, delay(deadline + GRACE_MS)]);
  clearInterval(statistics);
  tell({ stats: server.stats });
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(0), GRACE_MS).unref();
}
