import { invalidValue } from '../internal/arguments.js';
import { closeSync, openSync, readFileSync, writeSync } from '../internal/originals.js';
import { NotRecordedError, ReplayDivergedError } from './errors.js';
import type { About } from './requests.js';

/** The number of the format, which changes when an older one cannot be read any more. */
const VERSION = 1;
const FLUSH_BYTES = 64 * 1024;

/** What a call to the outside gave; bytes are base64. */
export type Encoded =
  | number | string | boolean | null
  | { bytes: string }
  /** With what was put into an argument. */
  | { result: Encoded; put: string }
  /** With what belongs to it. */
  | { result: Encoded; about: About }
  /** Something that cannot be written down. */
  | { notRecorded: string }
  | { list: Encoded[] }
  | { error: Record<string, unknown>; message: string }
  | { json: unknown };

/**
 * A line of a trace behind the first, which is `{ "stackful": "trace", "version": 1 }`. Coroutines are numbered as they are spawned; -1 is
 * the main stack.
 *
 * - `['t', coroutine, ms]`: a turn, and when it began; coroutine -1: promise callbacks had their turn
 * - `['c', coroutine, name, turns, result]`: a call to the outside, which went on for so many more turns of the coroutine
 * - `['a', server, connection, [host, port]]`: a connection came to a server, in a recording that began while servers ran; the next
 *   coroutine that has no number yet answers its requests
 * - `['l', server, departure]`: a client left, as `httpDeparture` told; in such a recording
 * - `['u', coroutine, what]`: something came from outside that is not recorded
 * - `['e', text]`: the end, and the error that the function threw
 * - `['x']`: the trace was longer than it may be, the rest is missing
 */
export type Line =
  | ['t', coroutine: number, ms: number]
  | ['c', coroutine: number, name: string, turns: number, result: Encoded]
  | ['a', server: number, connection: number, remote: readonly unknown[]]
  | ['l', server: number, departure: number]
  | ['u', coroutine: number, what: string]
  | ['e', error: string | null]
  | ['x'];

/** Writes a trace, a buffer at a time, up to a size. */
export class TraceWriter {
  private readonly fd: number;
  private text: string;
  private written = 0;
  private full = false;
  private readonly onExit = (): void => {
    this.beforeExit();
    this.flush();
  };

  /** @param beforeExit called when the process ends before close(): it adds what is missing */
  constructor(file: string, private readonly maxBytes: number, private readonly beforeExit: () => void, attached = false) {
    this.text = `${JSON.stringify({ stackful: 'trace', version: VERSION, ...(attached && { attached }) })}\n`;
    // It holds what went over the wire: nobody else is to read it.
    this.fd = openSync(file, 'w', 0o600);
    process.on('exit', this.onExit);
  }

  add(line: Line): void {
    if (this.full) return;
    this.text += `${JSON.stringify(line)}\n`;
    if (this.written + this.text.length > this.maxBytes) {
      this.full = true;
      this.text += '["x"]\n';
    }
    if (this.text.length >= FLUSH_BYTES || this.full) this.flush();
  }

  close(): void {
    this.flush();
    process.off('exit', this.onExit);
    closeSync(this.fd);
  }

  private flush(): void {
    const bytes = Buffer.from(this.text);
    this.text = '';
    for (let from = 0; from < bytes.length; ) from += writeSync(this.fd, bytes, from);
    this.written += bytes.length;
  }
}

/** A call that was recorded. */
export interface RecordedCall {
  readonly name: string;
  readonly turns: number;
  readonly result: Encoded;
}

/** A turn; or what came to a server, whose coroutine {@link acceptorOf} numbers. */
export interface RecordedTurn {
  readonly coroutine: number;
  readonly ms: number;
  readonly arrival?: { readonly connection: number; readonly remote: readonly unknown[] };
  readonly departure?: number;
}

/** In a recording that began while servers ran, the number of the coroutine that accepts a server's connections. */
export const acceptorOf = (server: number): number => -2 - server;

/** A trace as it is replayed. */
export interface Trace {
  /** Whether it began while servers ran: then it has what they were asked, and not what the program did besides. */
  readonly attached: boolean;
  readonly turns: readonly RecordedTurn[];
  /** By the number of the coroutine. */
  readonly calls: ReadonlyMap<number, readonly RecordedCall[]>;
  /** How the function ended; undefined: the process ended before it, or the trace is cut off. */
  readonly end: { readonly error: string | null } | undefined;
}

/** @throws TypeError (`ERR_INVALID_ARG_VALUE`) for a file that is no trace, or of another version */
export function readTrace(file: string): Trace {
  const [head, ...lines] = readFileSync(file, 'utf8').split('\n');
  const about = parsed(head) as { stackful?: unknown; version?: unknown; attached?: boolean } | undefined;
  if (about?.stackful !== 'trace') throw invalidValue('options.replay', 'the file of a recording', file);
  if (about.version !== VERSION) throw invalidValue('options.replay', `a recording of version ${String(VERSION)}`, about.version);
  const turns: RecordedTurn[] = [];
  const now = () => turns.at(-1)?.ms ?? 0;
  const calls = new Map<number, RecordedCall[]>();
  let end: Trace['end'];
  for (const text of lines) {
    // The last line of a process that was killed may be half there.
    const line = parsed(text) as Line | undefined;
    if (line?.[0] === 't') {
      turns.push({ coroutine: line[1], ms: line[2] });
    } else if (line?.[0] === 'c') {
      const [, coroutine, name, more, result] = line;
      const list = calls.get(coroutine) ?? [];
      calls.set(coroutine, list);
      list.push({ name, turns: more, result });
    } else if (line?.[0] === 'a') {
      turns.push({ coroutine: acceptorOf(line[1]), ms: now(), arrival: { connection: line[2], remote: line[3] } });
    } else if (line?.[0] === 'l') {
      turns.push({ coroutine: acceptorOf(line[1]), ms: now(), departure: line[2] });
    } else if (line?.[0] === 'e') {
      end = { error: line[1] };
    }
  }
  return { attached: about.attached === true, turns, calls, end };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

export function encode(value: unknown): Encoded {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return { list: value.map(encode) };
  if (value instanceof Error) return { error: { ...value }, message: value.message };
  const { constructor } = value as { constructor?: { name: string } };
  if (constructor && constructor.name !== 'Object') return { notRecorded: `an object of ${constructor.name}` };
  return { json: value };
}

export function decode(encoded: Encoded): unknown {
  if (encoded === null) return undefined;
  if (typeof encoded !== 'object') return encoded;
  if ('bytes' in encoded) return Buffer.from(encoded.bytes, 'base64');
  if ('list' in encoded) return encoded.list.map(decode);
  if ('error' in encoded) return Object.assign(new Error(encoded.message), encoded.error);
  if ('json' in encoded) return encoded.json;
  if ('notRecorded' in encoded) throw new NotRecordedError(encoded.notRecorded);
  throw new ReplayDivergedError('the recording has a result of another kind of call');
}

/** What a call returned, without what is written with it. */
export function plainOf(encoded: Encoded): Encoded {
  return encoded !== null && typeof encoded === 'object' && 'result' in encoded ? plainOf(encoded.result) : encoded;
}

/** What a call puts into an argument besides what it returns: which argument, and from where on. */
const PUTS: Record<string, { argument: number; offset: number } | undefined> = {
  netReadInto: { argument: 1, offset: 2 },
  fsRead: { argument: 1, offset: 2 },
  httpReadBody: { argument: 1, offset: 2 },
};
/** Calls that put numbers into an argument, from its beginning, whatever they return. */
const FILLS: Record<string, number | undefined> = {
  httpStats: 1, http2Next: 1, httpClientReadHead: 2, http2ClientNext: 1, http2ClientRead: 2, http2ClientFate: 1, netGetOption: 3,
  netPipe: 3, wsBroadcast: 0,
};
/** Calls behind which this memory of `originals` has their answer. */
const NUMBERS = new Set(['fsStat', 'fsLstat', 'fsFstat']);

/** What a call came to, with what it has put into its arguments. */
export function encodeCall(name: string, args: readonly unknown[], result: unknown, numbers: ArrayBuffer | undefined): Encoded {
  const puts = PUTS[name];
  if (puts && typeof result === 'number' && result > 0) {
    const from = args[puts.offset] as number;
    return { result, put: bytesOf(args[puts.argument] as ArrayBufferView).toString('base64', from, from + result) };
  }
  const fills = FILLS[name];
  if (fills !== undefined) return { result: encode(result), put: bytesOf(args[fills] as ArrayBufferView).toString('base64') };
  if (NUMBERS.has(name) && numbers && typeof result === 'number') return { result, put: Buffer.from(numbers).toString('base64') };
  return encode(result);
}

/** The same again: puts it into the arguments, and returns the result. */
export function decodeCall(name: string, args: readonly unknown[], encoded: Encoded, numbers: ArrayBuffer | undefined): unknown {
  if (encoded === null || typeof encoded !== 'object' || !('put' in encoded)) return decode(encoded);
  const put = Buffer.from(encoded.put, 'base64');
  const puts = PUTS[name];
  if (puts) put.copy(bytesOf(args[puts.argument] as ArrayBufferView), args[puts.offset] as number);
  else if (FILLS[name] !== undefined) put.copy(bytesOf(args[FILLS[name]] as ArrayBufferView));
  else if (numbers) put.copy(Buffer.from(numbers));
  return decode(encoded.result);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
