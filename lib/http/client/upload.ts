import { spawn, type Coroutine } from '../../coroutine/coroutine.js';
import { yieldNow } from '../../coroutine/sleep.js';
import type { File } from '../../fs/file.js';
import { HttpClientError, isDisconnection } from './errors.js';
import type { Outgoing } from './outgoing.js';
import type { Wire } from './wire.js';

/** So much is sent at a time: a server that takes no more for long is noticed, one that takes a large body slowly is not. */
const PIECE = 1024 * 1024;

/**
 * A body on its way in a coroutine of its own, so that an answer is read also while the server does not take the body: one that
 * refuses a large upload answers, and reads no more.
 */
export class Upload {
  /** All of it was sent. */
  done = false;
  /** What the body's source has thrown; a connection that has ended is no failure of the body: the answer may be there all the same. */
  failure: { error: unknown } | undefined;
  /** When the server has last taken something of it, by `performance.now`; Infinity while its source is to give something. */
  movedAt = performance.now();
  private readonly coroutine: Coroutine<void>;

  constructor(wire: Wire, body: Outgoing) {
    this.coroutine = spawn(() => { this.run(wire, body); }, { name: 'request body' });
  }

  /** The answer is there. What the system has taken by now counts, although this may not have had its turn since. Parks. */
  settle(): void {
    if (this.coroutine.state === 'ready') yieldNow();
  }

  /** No more of it is wanted. Never parks. */
  stop(): void {
    if (!this.done) this.coroutine.cancel();
  }

  /** Parks; never throws. */
  private run(wire: Wire, body: Outgoing): void {
    try {
      sendBody(wire, body, (at) => { this.movedAt = at; });
      this.done = true;
    } catch (error) {
      if (isDisconnection(error) || wire.closed) return;
      this.failure = { error };
      // The request cannot become whole; the coroutine that waits for the answer learns it by that.
      wire.close();
    }
  }
}

/** Is told when something has moved, or that the body's source has to give something: Infinity. */
type Moved = (at: number) => void;

/** Sends a body behind its head. Parks. */
function sendBody(wire: Wire, body: Outgoing, moved: Moved): void {
  const { whole, file, pieces, length, trailers } = body;
  if (whole !== undefined) sendWhole(wire, typeof whole === 'string' ? Buffer.from(whole) : whole, moved);
  else if (file) sendFile(wire, file, length, moved);
  else sendPieces(wire, pieces!(), length, moved);
  let lines = '';
  if (trailers) {
    moved(Infinity);
    lines = trailers();
    moved(performance.now());
  }
  wire.finish(length < 0, lines);
}

function sendWhole(wire: Wire, bytes: Uint8Array, moved: Moved): void {
  for (let at = 0; at < bytes.length; at += PIECE) {
    wire.write(bytes.subarray(at, at + PIECE));
    moved(performance.now());
  }
}

function sendFile(wire: Wire, file: File, length: number, moved: Moved): void {
  for (let at = 0; at < length;) {
    const sent = wire.sendFile(file, at, Math.min(PIECE, length - at));
    if (sent === 0) checkLength(length, at);
    at += sent;
    moved(performance.now());
  }
}

interface Pieces {
  next(): string | Uint8Array | null;
  close(): void;
}

function sendPieces(wire: Wire, source: Pieces, length: number, moved: Moved): void {
  let sent = 0;
  const next = () => {
    moved(Infinity);
    const piece = source.next();
    moved(performance.now());
    return piece;
  };
  try {
    for (let piece = next(); piece !== null; piece = next()) {
      const size = typeof piece === 'string' ? Buffer.byteLength(piece) : piece.byteLength;
      // One of no bytes would be the last chunk.
      if (size === 0) continue;
      sent += size;
      if (length < 0) wire.writeChunk(piece, size);
      else if (sent > length) checkLength(length, sent);
      else wire.write(piece);
    }
    if (length >= 0) checkLength(length, sent);
  } finally {
    source.close();
  }
}

function checkLength(announced: number, sent: number): void {
  if (sent === announced) return;
  const message = `the head says that the body has ${String(announced)} bytes, and it has ${sent < announced ? 'fewer' : 'more'}`;
  throw new HttpClientError('ERR_HTTP_CLIENT_BODY_LENGTH', message);
}
