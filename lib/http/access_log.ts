import { isIP } from 'node:net';
import { dirname } from 'node:path';

import { pino, type Logger } from 'pino';

import { invalidType, invalidValue } from '../internal/arguments.js';
import { mkdirSync, openSync } from '../internal/originals.js';
import type { Handler } from './exchange.js';
import { refuseUnknown } from './known.js';
import { answered, type Tell } from './outcome.js';
import type { Request } from './request.js';

/** The options of {@link accessLog}. */
export interface AccessLogOptions {
  /** A file that lines are added to, or a descriptor. Default: standard output. */
  file?: string | number;
  /** A logger of pino's, instead of a file: it gets one object for each request. */
  logger?: Pick<Logger, 'info'>;
  /** `json`: what pino writes; `common` and `combined`: the formats of that name of Apache's and nginx's. Default `json`. */
  format?: 'json' | 'common' | 'combined';
}

/** One line of the log. */
interface Entry {
  remoteAddress: string;
  method: string;
  target: string;
  httpVersion: string;
  referer: string | undefined;
  userAgent: string | undefined;
  status: number;
  /** Of the body. */
  bytes: number;
  ms: number;
  /** The response was not complete when the client, or the server, ended it. */
  aborted: boolean;
}

const KNOWN = ['file', 'logger', 'format'] as const satisfies (keyof AccessLogOptions)[];
const FORMATS = ['json', 'common', 'combined'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const two = (n: number): string => String(n).padStart(2, '0');
const timeOf = (at: Date): string =>
  `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]!}/${String(at.getUTCFullYear())}:${at.toISOString().slice(11, 19)} +0000`;
/** Text of the client's in quotes: nothing in it ends the quotes, or the line. */
const escaped = (c: string): string => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
const quoted = (text: string | undefined): string => (text === undefined ? '"-"' : `"${text.replace(/["\\\p{Cc}]/gu, escaped)}"`);

function lineOf(entry: Entry, combined: boolean): string {
  const { remoteAddress, method, target, httpVersion, status, bytes } = entry;
  const from = isIP(remoteAddress) === 0 ? '-' : remoteAddress;
  const request = quoted(`${method} ${target} HTTP/${httpVersion}`);
  const more = combined ? ` ${quoted(entry.referer)} ${quoted(entry.userAgent)}` : '';
  return `${from} - - [${timeOf(new Date())}] ${request} ${String(status)} ${bytes === 0 ? '-' : String(bytes)}${more}\n`;
}

/** The file of a log. */
class LogFile {
  private stream: SonicBoom;
  private closed = false;

  constructor(private readonly file: string | number) {
    this.stream = this.open();
  }

  /** After its end it does nothing: a request that is still under way would fail by it. */
  write(line: string): void {
    if (!this.closed) this.stream.write(line);
  }

  reopen(): void {
    if (typeof this.file === 'number' || this.closed) return;
    const old = this.stream;
    this.stream = this.open();
    old.flushSync();
    old.end();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stream.flushSync();
    this.stream.end();
  }

  /** Opens it now: pino would do so later, and could then tell nobody that it cannot. */
  private open(): SonicBoom {
    const { file } = this;
    if (typeof file === 'string') mkdirSync(dirname(file), { recursive: true });
    const stream = pino.destination({ dest: typeof file === 'string' ? openSync(file, 'a') : file, sync: false });
    stream.on('error', (error: Error) => { console.error('stackful/http: the access log:', error.message); });
    return stream;
  }
}

type SonicBoom = ReturnType<typeof pino.destination>;

function writerOf({ format = 'json', logger, file = 1 }: AccessLogOptions): { write(entry: Entry): void; file: LogFile | undefined } {
  if (logger) return { write: (entry) => { logger.info(entry, 'request'); }, file: undefined };
  const destination = new LogFile(file);
  if (format !== 'json') return { write: (entry) => { destination.write(lineOf(entry, format === 'combined')); }, file: destination };
  const json = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' }, destination);
  return { write: (entry) => { json.info(entry, 'request'); }, file: destination };
}

/** What {@link accessLog} returns: a function around handlers. */
export interface AccessLog {
  /** The handler around `next`, which writes a line for each of its responses. */
  (next: Handler): Handler;
  /** Opens the file anew, after a program that rotates logs has renamed it. For a descriptor, and after `close`, it does nothing. */
  reopen(): void;
  /** Writes what is still to be written, and closes the file. Requests that are answered later have no line. */
  close(): void;
}

/**
 * A function around handlers that writes a line for every request they get: who asked what, the response's status and bytes, and how many
 * milliseconds it took until the response was there, or its last part. The package `pino` writes it, in the background. Requests that
 * the server itself refuses, because they are malformed, are not among them.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`); system errors of opening the file
 *
 * @example
 * ```ts
 * import { accessLog, serve } from 'stackful/http';
 *
 * const log = accessLog({ file: 'logs/access.log', format: 'combined' });
 * process.on('SIGHUP', () => log.reopen()); // logrotate sends it
 * const server = serve(log(() => 'hello'), { host: '127.0.0.1' });
 * await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
 * await server.close();
 * log.close();
 * ```
 */
export function accessLog(options: AccessLogOptions = {}): AccessLog {
  refuseUnknown('options', options, KNOWN);
  const { format, file, logger } = options;
  if (format !== undefined && !FORMATS.includes(format)) throw invalidValue('options.format', FORMATS.join(' or '), format);
  if (file !== undefined && typeof file !== 'string' && typeof file !== 'number') {
    throw invalidType('options.file', 'a path or a descriptor', file);
  }
  if (logger !== undefined && typeof logger.info !== 'function') throw invalidType('options.logger', "a logger of pino's", logger);
  const out = writerOf(options);
  const around = (next: Handler): Handler => (request) => {
    const began = performance.now();
    const about = aboutOf(request);
    const tell: Tell = ({ status, bytes, aborted }) => {
      out.write({ ...about, status, bytes, ms: Math.round((performance.now() - began) * 1000) / 1000, aborted });
    };
    return answered(next, request, tell);
  };
  return Object.assign(around, { reopen: () => { out.file?.reopen(); }, close: () => { out.file?.close(); } });
}

/** What is read of the request before its handler: afterwards it may be over. */
function aboutOf(request: Request): Omit<Entry, 'status' | 'bytes' | 'ms' | 'aborted'> {
  const { clientAddress: remoteAddress, method, target, httpVersion, headers } = request;
  return { remoteAddress, method, target, httpVersion, referer: headers.get('referer'), userAgent: headers.get('user-agent') };
}
