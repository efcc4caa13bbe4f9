import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { AccessLog, AccessLogOptions, Server, ServeOptions } from '../http.js';
import { CliError } from './errors.js';
import { InheritedPort } from './inherited_port.js';
import { serveArguments, type ServeArguments } from './serve_arguments.js';
import {
  credentials, DRAIN_MS, explain, GRACE_MS, hasHungUp, IDLE_MS, idleFor, sayEnding, serveUntil, TICKET_KEYS, untilToldToEnd, urlOf,
} from './serving.js';
import { showStatistics } from './statistics.js';
import { inheritedSocket, ServiceManager } from './systemd.js';
import { WORKER_FD, Workers, type FromWorker, type ToWorker, type WorkersPort } from './workers.js';

const STATISTICS_MS = 1_000;

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
  if (args.includes('--worker')) return serveAsWorker(args);
  const given = await serveArguments(args);
  if (given.workers > 0) return serveWithWorkers(given, args);
  const fd = await inheritedSocket();
  let server: Server;
  try {
    server = await serveDirectory(given, fd === undefined ? { port: given.port, host: given.host } : { fd });
  } catch (error) {
    throw explain(error, given);
  }
  if (given.inspectPort !== undefined) {
    const { inspect } = await import('../inspect.js');
    startInspector(given, (port) => inspect({ port }));
  }
  if (given.metrics) await startMetrics(given.metrics, (await import('../inspect/metrics.js')).metrics);
  const told = untilToldToEnd();
  const status = `serves ${given.directory} on ${urlOf(server.address, given)}`;
  await serveUntil(told, server, status);
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

/** Starts what `--metrics` asks for. */
async function startMetrics(place: { host: string; port: number }, page: () => Promise<string>): Promise<void> {
  const { serveMetrics } = await import('../inspect/metrics_server.js');
  try {
    console.log(`Metrics on ${urlOf(serveMetrics(place, page).address, { tls: undefined })}/metrics`);
  } catch (error) {
    throw explain(error, { directory: '', ...place });
  }
}

/** The sockets of the workers, and where they listen. */
async function openPort(given: ServeArguments): Promise<{ port: WorkersPort; where: string }> {
  const { addressOfFd, listenFd } = await import('../http/server.js');
  const where = (fd: number): string => urlOf(addressOfFd(fd), given);
  const inherited = await inheritedSocket();
  if (inherited !== undefined) return { port: new InheritedPort(inherited, given.workers), where: where(inherited) };
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
  return { port: new SharedPort(fds), where: where(fds[0]!) };
}

/** Runs the process that owns the sockets, and starts and replaces the workers. */
async function serveWithWorkers(given: ServeArguments, args: string[]): Promise<void> {
  const { port, where } = await openPort(given);
  if (given.tls) process.env[TICKET_KEYS] = randomBytes(48).toString('base64');
  const { WorkerMetrics } = await import('../inspect/worker_metrics.js');
  const metrics = new WorkerMetrics(given.workers);
  const page = () => metrics.page();
  const workers = new Workers(port, metrics, [process.argv[1]!, 'serve', ...args, '--worker']);
  const told = untilToldToEnd(() => { workers.kill(); });
  try {
    await workers.start();
  } catch (error) {
    workers.kill();
    throw error;
  }
  if (given.inspectPort !== undefined) {
    const { inspectPeers } = await import('../inspect/server.js');
    startInspector(given, (port) => inspectPeers(port, () => workers.pids, page));
  }
  if (given.metrics) await startMetrics(given.metrics, page);
  const manager = await ServiceManager.here();
  const status = `serves ${given.directory} on ${where} with ${String(given.workers)} workers`;
  process.on('SIGHUP', () => {
    if (hasHungUp()) process.exit(129);
    manager.reloading();
    workers.reload(DRAIN_MS, IDLE_MS).then(
      () => {
        console.log('Every worker has been replaced');
        manager.ready(`Knot ${status}`);
      },
      (error: unknown) => {
        const failed = `${(error as Error).message}; the old workers go on`;
        console.error(`stackful: ${failed}`);
        manager.ready(failed);
      },
    );
  });
  console.log(`Knot ${status}`);
  manager.started(`Knot ${status}`);
  const statistics = showStatistics(workers, process.stdout);
  const signal = await told;
  statistics.stop();
  manager.stopping(workers.stats.connections);
  sayEnding(workers.stats.connections);
  await Promise.race([workers.end(DRAIN_MS, idleFor(signal)), delay(DRAIN_MS + 2 * GRACE_MS)]);
  workers.kill();
  process.exit(0);
}

/** Runs a worker: it inherits its listening socket. */
async function serveAsWorker(args: string[]): Promise<void> {
  const tell = (message: FromWorker): void => {
    if (process.connected) process.send!(message);
  };
  // A terminal sends its signals to all processes; the parent decides what they mean.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  let given: ServeArguments | undefined;
  let server: Server;
  try {
    // The file of `--config` is read anew: it may have changed since the first workers began.
    given = await serveArguments(args);
    server = await serveDirectory(given, { fd: WORKER_FD });
    if (given.inspectPort !== undefined) (await import('../inspect/server.js')).inspectByPid();
  } catch (error) {
    tell({ failed: (given ? explain(error, given) : (error as Error)).message });
    process.exit(1);
  }
  const metrics = (given.inspectPort ?? given.metrics) === undefined ? undefined : (await import('../inspect/metrics.js')).metricsAsJson;
  const tellFigures = async () => { tell({ stats: server.stats, metrics: await metrics?.() }); };
  await tellFigures();
  const statistics = setInterval(() => void tellFigures(), STATISTICS_MS);
  const { deadline, idle } = await new Promise<Omit<ToWorker, 'drain'>>((resolve) => {
    process.on('message', (message: ToWorker) => { resolve(message); });
    // Drains also when the parent has died without a message.
    const drain = (): void => { resolve({ deadline: DRAIN_MS, idle: IDLE_MS }); };
    for (const event of ['disconnect', 'SIGTERM']) process.on(event, drain);
    if (!process.connected) drain();
    tell({ ready: true });
  });
  const ended = server.close({ deadline, idle });
  tell({ closed: true });
  await Promise.race([ended, delay(deadline + GRACE_MS)]);
  clearInterval(statistics);
  await tellFigures();
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(0), GRACE_MS).unref();
}
