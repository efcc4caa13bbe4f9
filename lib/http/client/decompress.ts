import * as zlib from 'node:zlib';
import type { Transform } from 'node:stream';

import { Event } from '../../sync/event.js';
import { HttpClientError } from './errors.js';
import { brotliDecompressSync, gunzipSync } from '../../internal/originals.js';

/** A body that has arrived whole and is no larger is decompressed on this thread: a hundredth of what a stream costs. */
const MOST_AT_ONCE = 4096;
/** What may come of it: 1 MiB takes a millisecond; more is left to the stream. */
const MOST_AT_ONCE_OUT = 1024 * 1024;
/** A server that has compressed a body more often than that wants to keep its readers busy. */
const MOST_CODINGS = 3;
const DEFLATE_METHOD = 8;

type Sync = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer;

interface Coding {
  readonly sync?: Sync;
  /** Makes the stream; `first` is the body's first byte. */
  readonly stream: (first: number) => Transform;
}

/** Node 20 has no zstd. */
const { createZstdDecompress } = zlib as unknown as { createZstdDecompress?: () => Transform };

const GZIP: Coding = { sync: gunzipSync, stream: () => zlib.createGunzip() };
const CODINGS: Readonly<Record<string, Coding | undefined>> = {
  'gzip': GZIP,
  'x-gzip': GZIP,
  // Servers send what `deflate` says, with a head of zlib, and what Microsoft's once took it for.
  'deflate': { stream: (first) => ((first & 15) === DEFLATE_METHOD ? zlib.createInflate() : zlib.createInflateRaw()) },
  'br': { sync: brotliDecompressSync, stream: () => zlib.createBrotliDecompress() },
  'zstd': createZstdDecompress && { stream: createZstdDecompress },
};

/** What a request that wants its answer decompressed says. */
export const ACCEPT_ENCODING = Object.keys(CODINGS).filter((name) => CODINGS[name] && name !== 'x-gzip').join(', ');

/** The codings of a Content-Encoding, the last one first; undefined: the body is left as it is. */
export function codingsOf(field: string): readonly Coding[] | undefined {
  const names = field.toLowerCase().split(',').map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  if (names.length > MOST_CODINGS) throw new HttpClientError('ERR_HTTP_CLIENT_DECODING', `a body with ${String(names.length)} codings`);
  const codings = names.map((name) => CODINGS[name]);
  if (codings.length === 0 || codings.includes(undefined)) return undefined;
  return (codings as Coding[]).reverse();
}

/** A whole small body, decompressed; undefined where that is left to {@link decompressed}. Never parks. */
export function atOnce(codings: readonly Coding[], bytes: Uint8Array): Buffer | undefined {
  const { sync } = codings[0]!;
  if (codings.length > 1 || !sync || bytes.length === 0 || bytes.length > MOST_AT_ONCE) return undefined;
  try {
    return sync(bytes, { maxOutputLength: MOST_AT_ONCE_OUT });
  } catch {
    // Too large, or malformed, which the stream tells behind what is whole.
    return undefined;
  }
}

/** A body that is decompressed piece by piece. */
export interface Decompression {
  /** The next piece, or null at the end. Parks. */
  next(): Buffer | null;
  /** Nothing more is read. Never parks. */
  close(): void;
}

/** Decompresses what `next` gives in pieces. */
export function decompressed(codings: readonly Coding[], next: () => Buffer | null): Decompression {
  const all: Generator<Buffer, void, undefined>[] = [];
  let source = next;
  for (const coding of codings) {
    const steps = inflate(coding, source);
    all.push(steps);
    source = () => {
      const step = steps.next();
      return step.done ? null : step.value;
    };
  }
  const close = () => {
    for (const steps of all) {
      try {
        steps.return();
      } catch {
        // It is in the middle of a step, in another coroutine, and ends by itself: no piece comes to it any more.
      }
    }
  };
  return { next: source, close };
}

function undecodable(cause: Error): HttpClientError {
  return new HttpClientError('ERR_HTTP_CLIENT_DECODING', `a compressed body: ${cause.message}`, { cause });
}

function* inflate(coding: Coding, next: () => Buffer | null): Generator<Buffer, void, undefined> {
  const first = next();
  if (first === null) return;
  const engine = coding.stream(first[0]!);
  const news = new Event({ name: 'decompression' });
  let failure: Error | undefined;
  let ended = false;
  let writing = false;
  let whole = false;
  const wake = () => { news.set(); };
  engine.on('readable', wake).on('end', () => { ended = true; wake(); }).on('error', (error: Error) => { failure = error; wake(); });
  const write = (part: Buffer | null) => {
    if (part === null) {
      whole = true;
      engine.end();
      return;
    }
    writing = true;
    engine.write(part, () => { writing = false; wake(); });
  };
  // The stream does its work on Node's threads and keeps one piece on each side: a slow reader slows the sender down.
  try {
    write(first);
    for (;;) {
      news.reset();
      const chunk = engine.read() as Buffer | null;
      if (chunk !== null) {
        yield chunk;
        continue;
      }
      if (failure !== undefined) throw undecodable(failure);
      if (ended as boolean) return;
      if (!writing && !whole) write(next());
      else news.wait();
    }
  } finally {
    // Destroying it may bring an error that nothing waits for.
    engine.on('error', () => undefined).destroy();
  }
}
