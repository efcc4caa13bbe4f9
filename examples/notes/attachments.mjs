// Files that belong to notes: their contents in a folder, under names of ours, and what is known of them in the database.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { shield } from 'stackful';
import { mkdir, rm } from 'stackful/fs';
import { HttpError } from 'stackful/http';

/** @typedef {{ id: string, name: string, bytes: number }} Attachment */

const FILES = 5;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
/** What the form has besides contents: names, headers, boundaries. */
const AROUND_BYTES = 100_000;

export class Attachments {
  /**
   * @param {import('./database.mjs').Database} database
   * @param {import('./config.mjs').Config} config
   */
  constructor(database, { uploads, uploadBytes }) {
    this.database = database;
    this.folder = uploads;
    this.limits = { fileBytes: uploadBytes, bodyBytes: uploadBytes * FILES + AROUND_BYTES, files: FILES, fields: 10 };
  }

  prepare() {
    mkdir(this.folder, { recursive: true });
  }

  /** @returns {Attachment[]} */
  list(note) {
    return this.database.rows('SELECT id, name, bytes::float8 FROM attachments WHERE note = $1 ORDER BY name, id', [note]);
  }

  /** @returns {Attachment} */
  get(id) {
    const [found] = UUID.test(id) ? this.database.rows('SELECT id, name, bytes::float8 FROM attachments WHERE id = $1', [id]) : [];
    if (!found) throw new HttpError(404, 'there is no such attachment');
    return found;
  }

  /** Takes the files of a form in: all of them, or none.  @returns {Attachment[]} */
  receive(request, note) {
    const received = [];
    let complete = false;
    try {
      for (const part of request.parts(this.limits)) {
        // A form in which no file was chosen has one without a name.
        if (!part.isFile || !part.filename) continue;
        const attachment = { id: randomUUID(), name: part.filename.replace(/\p{Cc}/gu, '_').slice(0, 200), bytes: 0 };
        received.push(attachment);
        attachment.bytes = part.saveTo(join(this.folder, attachment.id));
      }
      this.record(received, note);
      complete = true;
    } finally {
      // Also when the client has left, or the server ends; then waiting is possible within `shield` only.
      if (!complete) shield(() => this.remove(received.map(({ id }) => id)));
    }
    return received;
  }

  record(received, note) {
    this.database.transaction((query) => {
      // Locked: were the note deleted at the same time, it would not know of these files.
      if (query('SELECT 1 FROM notes WHERE id = $1 FOR SHARE', [note]).rowCount === 0) throw new HttpError(404, 'there is no such note');
      for (const { id, name, bytes } of received) {
        query('INSERT INTO attachments (id, note, name, bytes) VALUES ($1, $2, $3, $4)', [id, note, name, bytes]);
      }
    });
  }

  /** Deletes contents. */
  remove(ids) {
    for (const id of ids) rm(join(this.folder, id), { force: true });
  }
}
