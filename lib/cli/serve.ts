import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { AccessLog, AccessLogOptions, Server, ServeOptions, StaticOptions } from '../http.js';
import { argumentsOf } from './arguments.js';
import { CliError, UsageError } from './errors.js';
import { showStatistics } from './statistics.js';
import { WORKER_FD, Workers, type FromWorker, type ToWorker } from './workers.js';

/** How long requests under way may take after the signal to end, in milliseconds. */
const DRAIN_MS = 10_000;
/** How much longer a handler may take that does not end when it is cancelled, in milliseconds. */
const GRACE_MS = 1_000;
/** After SIGTERM, how long idle connections may still send a request that is on its way, in milliseconds. After Ctrl-C: 0. */
const IDLE_MS = 1_000;
const STATISTICS_MS = 1_000;
const MOST_WORKERS = 1024;
const LOG_FORMATS = ['json', 'common', 'combined'] as const;
const POLICIES = ['connections', 'accept'] as const;
/** The variable by which workers get the keys of their tickets. */
const TICKET_KEYS = 'STACKFUL_TICKET_KEYS';
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

interface ServeArguments {
  directory: string;
  port: number;
  host: string;
  inspectPort: number | undefined;
  /** 0: this process serves. */
  workers: number;
  /** Whether this process is one of the workers. */
  worker: boolean;
  policy: (typeof POLICIES)[number] | undefined;
  options: Pick<ServeOptions, 'shed' | 'maxConnections' | 'http2'>;
  files: StaticOptions;
  log: AccessLogOptions | undefined;
  /** Paths of PEM files; undefined: HTTP. */
  tls: { cert: string; key: string } | undefined;
}

export function portOf(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new UsageError(`--${option} ${text}: not a port number`);
  return port;
}

function read(args: string[]): ServeArguments {
  const { values, positionals } = argumentsOf({
    args,
    allowPositionals: true,
    options: {
      port: { type: 'string', short: 'p', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      policy: { type: 'string' },
      workers: { type: 'string' },
      shed: { type: 'string' },
      connections: { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      http2: { type: 'boolean', default: false },
      compress: { type: 'boolean', default: false },
      precompressed: { type: 'boolean', default: false },
      spa: { type: 'boolean', default: false },
      listing: { type: 'boolean', default: false },
      log: { type: 'string' },
      'log-format': { type: 'string' },
      worker: { type: 'boolean', default: false },
      inspect: { type: 'string' },
    },
  });
  const [directory, ...others] = positionals;
  if (directory === undefined) throw new UsageError('serve: which directory?');
  if (others.length > 0) throw new UsageError(`serve: one directory, not also ${others.join(', ')}`);
  const inspectPort = values.inspect === undefined ? undefined : portOf('inspect', values.inspect);
  const workers = values.workers === undefined ? 0 : wholeNumber('workers', values.workers, MOST_WORKERS, 1);
  const { shed, connections } = values;
  const policy = POLICIES.find((name) => name === values.policy);
  if (policy !== values.policy) throw new UsageError(`--policy ${values.policy!}: it is ${POLICIES.join(' or ')}`);
  const options = {
    ...(shed !== undefined && { shed: { delayMs: wholeNumber('shed', shed, 60_000, 1) } }),
    ...(values.http2 && { http2: true }),
    ...(connections !== undefined && { maxConnections: wholeNumber('connections', connections, 1e9, 1) }),
  };
  const { compress, precompressed, spa, listing } = values;
  const log = logOf(values.log, values['log-format']);
  const port = portOf('port', values.port);
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key belong together');
  const tls = cert === undefined ? undefined : { cert, key: key! };
  const files = { compress, precompressed, spa, listing };
  return { tls, files, log, directory, port, host: values.host, inspectPort, workers, worker: values.worker, policy, options };
}

/** `-` is standard output. */
function logOf(file: string | undefined, format: string | undefined): AccessLogOptions | undefined {
  const known = LOG_FORMATS.find((name) => name === format);
  if (known !== format) throw new UsageError(`--log-format ${format!}: it is ${LOG_FORMATS.join(' or ')}`);
  if (file === undefined && format !== undefined) throw new UsageError('--log-format belongs to --log FILE');
  return file === undefined ? undefined : { ...(file !== '-' && { file }), ...(known && { format: known }) };
}

export function wholeNumber(name: string, text: string, most: number, least = 0): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > most || number < least) {
    throw new UsageError(`--${name} ${text}: not a whole number from ${String(least)} to ${String(most)}`);
  }
  return number;
}

export function explain(error: unknown, { directory, port, host }: Pick<ServeArguments, 'directory' | 'port' | 'host'>): Error {
  if (error instanceof CliError) return error;
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

type Address = { address: string; family: string; port: number };

export function urlOf({ address, family, port }: Address, { tls }: Pick<ServeArguments, 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`;
}

/** Waits for SIGINT or SIGTERM, and returns it; the next one ends the program at once. */
export async function untilToldToEnd(atOnce: () => void = () => undefined): Promise<keyof typeof SIGNALS> {
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
  if (connections > 0) console.log(`Ending; ${String(connections)} connections are open. A second signal ends the program at once.`);
}

/** The options of TLS. Workers inherit their ticket keys, so that each resumes the sessions of the others. */
export function credentials(tls: ServeArguments['tls']): Pick<ServeOptions, 'tls'> {
  if (!tls) return {};
  const read = (option: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new CliError(`--${option} ${file} cannot be read (${(error as NodeJS.ErrnoException).code!})`, { cause: error });
    }
  };
  const cert = read('cert', tls.cert);
  const key = read('key', tls.key);
  const shared = process.env[TICKET_KEYS];
  return { tls: { cert, key, ...(shared !== undefined && { ticketKeys: Buffer.from(shared, 'base64') }) } };
}

async function serveDirectory(given: ServeArguments, where: ServeOptions): Promise<Server> {
  const { directory, policy, options, files: about, log, tls } = given;
  const { accessLog, serve, staticFiles } = await import('../http.js');
  if (policy !== undefined) (await import('../coroutine/configure.js')).configure({ schedulingPolicy: policy });
  const files = staticFiles(directory, about);
  const secure = credentials(tls);
  const logged = log && openLog(accessLog, log);
  try {
    return serve(logged ? logged(files) : files, { ...where, ...options, ...secure });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!tls || !code.startsWith('ERR_OSSL')) throw error;
    throw new CliError(`--cert ${tls.cert} and --key ${tls.key} are no certificate and its key: ${message} (${code})`, { cause: error });
  }
}

/** The log of requests, which is opened anew at SIGHUP, and complete when the process ends. */
function openLog(open: (options: AccessLogOptions) => AccessLog, options: AccessLogOptions): AccessLog {
  let log: AccessLog;
  try {
    log = open(options);
  } catch (error) {
    throw new CliError(`--log ${String(options.file)} cannot be opened (${(error as NodeJS.ErrnoException).code!})`, { cause: error });
  }
  process.on('SIGHUP', () => {
    if (hasHungUp()) process.exit(129);
    log.reopen();
  });
  process.on('exit', () => { log.close(); });
  return log;
}

/** `stackful serve DIR`: ends the process when a signal has told the server to end, and it has ended. */
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
    startInspector(given, (port) => inspect({ port }));
  }
  const told = untilToldToEnd();
  const { address } = server;
  console.log(`Knot serves ${given.directory} on ${typeof address === 'string' ? address : urlOf(address, given)}`);
  const statistics = showStatistics(server, process.stdout);
  const signal = await told;
  statistics.stop();
  await endServer(server, signal);
}

/** Lets requests under way come to their end, for some seconds at most, and ends the process. */
export async function endServer(server: Server, signal: keyof typeof SIGNALS): Promise<void> {
  const { connections } = server.stats;
  const closed = server.close({ deadline: DRAIN_MS, idle: idleFor(signal) });
  sayEnding(connections);
  await Promise.race([closed, delay(DRAIN_MS + GRACE_MS)]);
  process.exit(0);
}

/** Starts what `--inspect` asks for, if it was given. */
function startInspector({ directory, inspectPort: port }: ServeArguments, start: (port: number) => { port: number }): void {
  if (port === undefined) return;
  try {
    console.log(`Inspector on http://127.0.0.1:${String(start(port).port)}`);
  } catch (error) {
    throw explain(error, { directory, port, host: '127.0.0.1' });
  }
}

/** Whether a SIGHUP means that the terminal was closed. */
function hasHungUp(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/** Runs the process that owns the sockets, and starts and replaces the workers. */
async function serveWithWorkers(given: ServeArguments, args: string[]): Promise<void> {
  const { addressOfFd, listenFd } = await import('../http/server.js');
  const { SharedPort } = await import('./hand_over.js');
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
  if (given.tls) process.env[TICKET_KEYS] = randomBytes(48).toString('base64');
  const workers = new Workers(new SharedPort(fds), [process.argv[1]!, 'serve', ...args, '--worker']);
  const told = untilToldToEnd(() => { workers.kill(); });
  try {
    await workers.start();
  } catch (error) {
    workers.kill();
    throw error;
  }
  if (given.inspectPort !== undefined) {
    const { inspectPeers } = await import('../inspect/server.js');
    startInspector(given, (port) => inspectPeers(port, () => workers.pids));
  }
  process.on('SIGHUP', () => {
    if (hasHungUp()) process.exit(129);
    workers.reload(DRAIN_MS, IDLE_MS).then(
      () => { console.log('Every worker has been replaced'); },
      (error: unknown) => { console.error(`stackful: ${(error as Error).message}; the old workers go on`); },
    );
  });
  console.log(`Knot serves ${given.directory} on ${urlOf(addressOfFd(fds[0]!), given)} with ${String(given.workers)} workers`);
  const statistics = showStatistics(workers, process.stdout);
  const signal = await told;
  statistics.stop();
  sayEnding(workers.stats.connections);
  await Promise.race([workers.end(DRAIN_MS, idleFor(signal)), delay(DRAIN_MS + 2 * GRACE_MS)]);
  workers.kill();
  process.exit(0);
}

/** Runs a worker: it inherits its listening socket. */
async function serveAsWorker(given: ServeArguments): Promise<void> {
  const tell = (message: FromWorker): void => {
    if (process.connected) process.send!(message);
  };
  // A terminal sends its signals to all processes; the parent decides what they mean.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  let server: Server;
  try {
    server = await serveDirectory(given, { fd: WORKER_FD });
    if (given.inspectPort !== undefined) (await import('../inspect/server.js')).inspectByPid();
  } catch (error) {
    tell({ failed: explain(error, given).message });
    process.exit(1);
  }
  const statistics = setInterval(() => { tell({ stats: server.stats }); }, STATISTICS_MS);
  const { deadline, idle } = await new Promise<Omit<ToWorker, 'drain'>>((resolve) => {
    process.on('message', (message: ToWorker) => { resolve(message); });
    // Drains also when the parent has died without a message.
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
