/** What `stackful serve` and `stackful proxy` have in common. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { Server, ServeOptions } from '../http.js';
import { CliError } from './errors.js';
import { showStatistics } from './statistics.js';
import { ServiceManager } from './systemd.js';

/** How long requests under way may take after the signal to end, in milliseconds. */
export const DRAIN_MS = 10_000;
/** How much longer a handler may take that does not end when it is cancelled, in milliseconds. */
export const GRACE_MS = 1_000;
/** After SIGTERM, how long idle connections may still send a request that is on its way, in milliseconds. After Ctrl-C: 0. */
export const IDLE_MS = 1_000;
/** The variable by which workers get the keys of their tickets. */
export const TICKET_KEYS = 'STACKFUL_TICKET_KEYS';
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
export type EndSignal = keyof typeof SIGNALS;

/** Paths of PEM files. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

interface Place {
  directory: string;
  port: number;
  host: string;
}

export function explain(error: unknown, { directory, port, host }: Place): Error {
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

type Address = { address: string; family: string; port: number } | string;

/** As a client writes it; of a Unix socket, the path. */
export function urlOf(at: Address, { tls }: { tls: CertificateFiles | undefined }): string {
  if (typeof at === 'string') return at;
  const { address, family, port } = at;
  // Descriptors tell the path as the address.
  if (port === 0) return address;
  return `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${String(port)}`;
}

/** Waits for SIGINT or SIGTERM, and returns it; the next one ends the program at once. */
export async function untilToldToEnd(atOnce: () => void = () => undefined): Promise<EndSignal> {
  return new Promise((resolve) => {
    let told = false;
    for (const [signal, number] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (told) {
          atOnce();
          process.exit(128 + number);
        }
        told = true;
        resolve(signal as EndSignal);
      });
    }
  });
}

export const idleFor = (signal: EndSignal): number => (signal === 'SIGTERM' ? IDLE_MS : 0);

export function sayEnding(connections: number): void {
  if (connections > 0) console.log(`Ending; ${String(connections)} connections are open. A second signal ends the program at once.`);
}

/** The options of TLS. Workers inherit their ticket keys, so that each resumes the sessions of the others. */
export function credentials(tls: CertificateFiles | undefined): Pick<ServeOptions, 'tls'> {
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

/** Shows that the server runs, to systemd as well, until a signal tells it to end; then ends it, and the process. */
export async function serveUntil(told: Promise<EndSignal>, server: Server, status: string): Promise<void> {
  console.log(`Knot ${status}`);
  const manager = await ServiceManager.here();
  manager.started(`Knot ${status}`);
  manager.onReload(`Knot ${status}`);
  const statistics = showStatistics(server, process.stdout);
  const signal = await told;
  statistics.stop();
  manager.stopping(server.stats.connections);
  await endServer(server, signal);
}

/** Lets requests under way come to their end, for some seconds at most, and ends the process. */
async function endServer(server: Server, signal: EndSignal): Promise<void> {
  const { connections } = server.stats;
  const closed = server.close({ deadline: DRAIN_MS, idle: idleFor(signal) });
  sayEnding(connections);
  await Promise.race([closed, delay(DRAIN_MS + GRACE_MS)]);
  process.exit(0);
}

/** Whether a SIGHUP means that the terminal was closed. */
export function hasHungUp(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}
