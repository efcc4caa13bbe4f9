import type { Readable } from 'node:stream';

import { waitCallback } from '../async/wait_callback.js';
import { shield } from '../coroutine/shield.js';
import { open, rm } from '../fs.js';

/** The content of a part: its pieces, as the body arrives. */
class Content {
  private readonly pieces: Buffer[] = [];
  private over = false;
  private tell: () => void = () => undefined;

  constructor(
    private readonly stream: Readable,
    private readonly failure: () => unknown,
  ) {
    const told = () => { this.tell(); };
    stream
      .on('data', (piece: Buffer) => {
        this.pieces.push(piece);
        stream.pause();
        told();
      })
      .on('end', () => { this.over = true; told(); })
      .on('close', told);
    stream.pause();
  }

  /** The next piece; null at the end. Parks. */
  next(): Buffer | null {
    for (;;) {
      const piece = this.pieces.shift();
      if (piece) return piece;
      const failure = this.failure();
      if (failure !== undefined) throw failure;
      if (this.over) return null;
      waitCallback<undefined>((done) => {
        this.tell = () => { done(null); };
        if (this.stream.destroyed) done(null);
        else this.stream.resume();
      });
    }
  }

  /** Lets the rest go by. */
  skip(): void {
    this.pieces.length = 0;
    this.stream.removeAllListeners('data').resume();
  }
}

/**
 * A part of a form: a field, or a file that arrives while it is read. `request.parts()` yields them; a file that is not read before the
 * next part is skipped.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   const lines = [];
 *   for (const part of request.parts({ bodyBytes: 100e6 })) {
 *     if (part.isFile) lines.push(`${part.filename}: ${part.saveTo('upload.bin')} bytes`);
 *     else lines.push(`${part.name}: ${part.text()}`);
 *   }
 *   return lines.join(', ');
 * }, { host: '127.0.0.1' });
 * const form = new FormData();
 * form.append('title', 'Notes');
 * form.append('file', new Blob(['a note']), 'note.txt');
 * const response = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: form });
 * console.log(await response.text()); // title: Notes, note.txt: 6 bytes
 * await server.close();
 * ```
 */
export class FormPart implements Iterable<Buffer> {
  private readonly content: Content | undefined;
  private taken = false;

  /** @internal */
  constructor(
    /** The name of the field in the form. */
    readonly name: string,
    /** Of a file: its name on the client's machine, without folders. It is the client's choice: never a path for the server. */
    readonly filename: string | undefined,
    /** Its media type, as the client says. */
    readonly type: string,
    private readonly value: string | Readable,
    failure: () => unknown = () => undefined,
  ) {
    if (typeof value !== 'string') this.content = new Content(value, failure);
  }

  /** Whether it is a file. */
  get isFile(): boolean {
    return this.content !== undefined;
  }

  /** Its content as UTF-8. Parks for a file; throws as `request.parts()` does. */
  text(): string {
    return typeof this.value === 'string' ? this.value : this.bytes().toString();
  }

  /** Its content, in memory. Parks for a file; throws as `request.parts()` does. */
  bytes(): Buffer {
    return typeof this.value === 'string' ? Buffer.from(this.value) : Buffer.concat([...this]);
  }

  /** Its content in pieces, as they arrive; each step parks. Once only. */
  *[Symbol.iterator](): Generator<Buffer, void, undefined> {
    if (this.taken) throw Object.assign(new Error('this part of the form was read, or skipped, before'), { code: 'ERR_HTTP_BODY_IN_USE' });
    this.taken = true;
    if (!this.content) {
      yield Buffer.from(this.value as string);
      return;
    }
    for (let piece = this.content.next(); piece; piece = this.content.next()) yield piece;
  }

  /**
   * Writes its content to a file that does not exist yet, and returns the number of bytes. Parks. If it fails, or is ended early, there is
   * no file.
   *
   * @param path where; the name that the client gives is not safe as a part of it
   * @throws `EEXIST`, `ENOENT`, `ENOSPC` and other system errors of files; as `request.parts()` does
   */
  saveTo(path: string): number {
    const file = open(path, 'wx');
    let bytes = 0;
    let complete = false;
    try {
      for (const piece of this) {
        for (let done = 0; done < piece.length;) done += file.write(piece, done, piece.length - done, null);
        bytes += piece.length;
      }
      complete = true;
    } finally {
      file.close();
      if (!complete) shield(() => { rm(path, { force: true }); });
    }
    return bytes;
  }

  /** Lets what was not read go by, so that the next part can come. @internal */
  skip(): void {
    this.taken = true;
    this.content?.skip();
  }
}
