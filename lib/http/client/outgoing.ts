import { randomBytes } from 'node:crypto';

import { wait } from '../../async/wait.js';
import { File } from '../../fs/file.js';
import { invalidType } from '../../internal/arguments.js';
import { pullFrom, type Source } from '../../stream/sources.js';
import { HttpClientError } from './errors.js';

/** The body of a request. Text is sent as UTF-8. */
export type RequestBody = Source | FormData | URLSearchParams | Blob;

/** A body, and what the head says of it. */
export interface Outgoing {
  /** A default for Content-Type. */
  readonly type: string | undefined;
  /** In bytes; -1: not known, so it is sent in chunks. */
  readonly length: number;
  /** All of it, an open file, which is sent from its beginning, or what gives its pieces. */
  readonly whole: string | Uint8Array | undefined;
  readonly file: File | undefined;
  /** Can be called once if the body is not `replayable`. */
  readonly pieces: (() => { next(): string | Uint8Array | null; close(): void }) | undefined;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** The lines behind it, which are asked for when it was sent. May park. */
  readonly trailers?: () => string;
}

/** So much of a body is a chunk. */
const CHUNK = 64 * 1024;

const NOTHING = { file: undefined, pieces: undefined, replayable: true };

function whole(data: string | Uint8Array, type?: string): Outgoing {
  return { ...NOTHING, whole: data, type, length: typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength };
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`) */
export function outgoing(body: unknown): Outgoing {
  if (typeof body === 'string') return whole(body, 'text/plain;charset=UTF-8');
  if (body instanceof Uint8Array) return whole(body);
  if (typeof body !== 'object' || body === null) throw invalidType('options.body', 'text, bytes, or a source of them', body);
  if (ArrayBuffer.isView(body)) return whole(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ArrayBuffer) return whole(new Uint8Array(body));
  if (body instanceof URLSearchParams) return whole(String(body), 'application/x-www-form-urlencoded;charset=UTF-8');
  if (body instanceof Blob) return ofBlob(body);
  if (body instanceof File) return ofFile(body);
  if (isFormData(body)) return multipart(body);
  const source = body as Source;
  return { ...NOTHING, whole: undefined, type: undefined, length: -1, replayable: false, pieces: () => pullFrom(source, 'request') };
}

/** The same in pieces, with lines behind it: HTTP/1.1 has these only behind chunks. */
export function withTrailers(body: Outgoing, trailers: () => string): Outgoing {
  const { whole: data, file, length } = body;
  let { pieces } = body;
  if (data !== undefined) pieces = () => pullFrom(cut(typeof data === 'string' ? Buffer.from(data) : data), 'request');
  else if (file) pieces = () => pullFrom(readWhole(file, length), 'request');
  return { ...body, whole: undefined, file: undefined, pieces, length: -1, trailers };
}

function* cut(data: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < data.length; at += CHUNK) yield data.subarray(at, at + CHUNK);
}

/** Each step parks. */
function* readWhole(file: File, length: number): Generator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(length, CHUNK)));
  for (let at = 0; at < length;) {
    const count = file.read(buffer, 0, Math.min(length - at, CHUNK), at);
    if (count === 0) throw new HttpClientError('ERR_HTTP_CLIENT_BODY_LENGTH', `the file of the body has fewer than ${String(length)} bytes by now`);
    at += count;
    yield buffer.subarray(0, count);
  }
}

function ofBlob(blob: Blob): Outgoing {
  const pieces = () => pullFrom(blob.stream() as Source, 'request');
  return { ...NOTHING, whole: undefined, type: blob.type || undefined, length: blob.size, pieces };
}

/** JSON as a body. */
export function outgoingJson(value: unknown): Outgoing {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw invalidType('options.json', 'a value that JSON has', value);
  return whole(text, 'application/json');
}

function ofFile(file: File): Outgoing {
  const stats = file.stat();
  // A pipe, a terminal: what it gives is read to its end.
  if (!stats.isFile()) {
    return { ...NOTHING, whole: undefined, type: undefined, length: -1, replayable: false, pieces: () => keepOpen(file) };
  }
  return { ...NOTHING, whole: undefined, type: undefined, length: stats.size, file };
}

/** The file stays its owner's to close. */
function keepOpen(file: File): ReturnType<typeof pullFrom> {
  return { ...pullFrom(file, 'request'), close: () => undefined };
}

/** It avoids the global of that name, whose first use loads all of undici. */
function isFormData(body: object): body is FormData {
  return Object.prototype.toString.call(body) === '[object FormData]' && typeof (body as Partial<FormData>).getAll === 'function';
}

/** `multipart/form-data`, by RFC 7578 with the escapes of the HTML standard. */
function multipart(form: FormData): Outgoing {
  const boundary = `stackful-${randomBytes(16).toString('hex')}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name, true)}"`;
    if (typeof value === 'string') {
      parts.push(`${head}\r\n\r\n${value.replace(/\r\n|\r|\n/g, '\r\n')}\r\n`);
    } else {
      const type = value.type || 'application/octet-stream';
      parts.push(`${head}; filename="${escaped(value.name, false)}"\r\nContent-Type: ${type}\r\n\r\n`, value, '\r\n');
    }
  }
  parts.push(`--${boundary}--\r\n`);
  const length = parts.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : part.size), 0);
  const type = `multipart/form-data; boundary=${boundary}`;
  return { ...NOTHING, whole: undefined, type, length, pieces: () => pullFrom(contents(parts), 'request') };
}

function escaped(text: string, lines: boolean): string {
  const name = lines ? text.replace(/\r\n|\r|\n/g, '\r\n') : text;
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}

/** Each step parks. */
function* contents(parts: readonly (string | Blob)[]): Generator<string | Uint8Array, void, undefined> {
  for (const part of parts) {
    if (typeof part === 'string') {
      yield part;
      continue;
    }
    const reader = part.stream().getReader();
    for (let step = wait(reader.read()); !step.done; step = wait(reader.read())) yield step.value as Uint8Array;
  }
}
