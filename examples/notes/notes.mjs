// Notes, as the database has them, and who hears of their changes.
import { HttpError } from 'stackful/http';

/** @typedef {{ id: string, title: string, body: string, version: number, author: string, changed: Date }} Note */

const COLUMNS = 'n.id, n.title, n.body, n.version, u.name AS author, n.changed';
const NOTES = `SELECT ${COLUMNS} FROM notes n JOIN users u ON u.id = n.author`;
/** As the index of migrations.mjs has it. */
const FOUND = "WHERE to_tsvector('simple', n.title || ' ' || n.body) @@ websearch_to_tsquery('simple', $1)";
const PAGE = 50;
const TITLE = 200;
const BODY = 100_000;

const missing = () => new HttpError(404, 'there is no such note');

/** Title and body of a note, of whatever a client has sent. */
function contentOf({ title, body = '' }) {
  if (typeof title !== 'string' || title.trim() === '') throw new HttpError(400, 'a note has a title');
  if (typeof body !== 'string') throw new HttpError(400, 'the body of a note is text');
  // PostgreSQL has no texts with this character.
  if ((title + body).includes('\0')) throw new HttpError(400, 'a note is text');
  if (title.length > TITLE || body.length > BODY) throw new HttpError(413, `a note has at most ${TITLE} and ${BODY} characters`);
  return [title.trim(), body.replaceAll('\r\n', '\n')];
}

export class Notes {
  /**
   * @param {import('./database.mjs').Database} database
   * @param {import('./feed.mjs').Feed} feed
   */
  constructor(database, feed) {
    this.database = database;
    this.feed = feed;
  }

  /** The notes last changed, or those with all words of `words`.  @returns {Note[]} */
  list(words = '') {
    const order = `ORDER BY n.changed DESC, n.id DESC LIMIT ${PAGE}`;
    if (words.trim() === '') return this.database.rows(`${NOTES} ${order}`);
    return this.database.rows(`${NOTES} ${FOUND} ${order}`, [words.replaceAll('\0', ' ')]);
  }

  /** @returns {Note} */
  get(id) {
    const [note] = this.database.rows(`${NOTES} WHERE n.id = $1`, [id]);
    if (!note) throw missing();
    return note;
  }

  /** @returns {Note} */
  create(user, content) {
    const [{ id }] = this.database.rows(
      'INSERT INTO notes (author, title, body) VALUES ($1, $2, $3) RETURNING id', [user.id, ...contentOf(content)]);
    return this.changed('created', this.get(id));
  }

  /** Changes a note, unless another user has changed it since it had the version that `content` is made from.  @returns {Note} */
  update(id, content) {
    const version = Number(content.version);
    if (!Number.isInteger(version) || Math.abs(version) > 2 ** 31 - 1) throw new HttpError(400, 'say which version was changed');
    const changed = this.database.rows(
      'UPDATE notes SET title = $3, body = $4, version = version + 1, changed = now() WHERE id = $1 AND version = $2 RETURNING id',
      [id, version, ...contentOf(content)]);
    const note = this.get(id);
    if (changed.length === 0) throw new HttpError(409, `the note was changed meanwhile: it has version ${note.version}`);
    return this.changed('changed', note);
  }

  /** Deletes a note of the user's own; returns the ids of its attachments, which are to be deleted, too. */
  delete(user, id) {
    const attachments = this.database.transaction((query) => {
      const { rows: [note] } = query('SELECT author FROM notes WHERE id = $1 FOR UPDATE', [id]);
      if (!note) throw missing();
      if (note.author !== user.id) throw new HttpError(403, 'only its author deletes a note');
      const { rows } = query('SELECT id FROM attachments WHERE note = $1', [id]);
      query('DELETE FROM notes WHERE id = $1', [id]);
      return rows.map((row) => row.id);
    });
    this.changed('deleted', { id });
    return attachments;
  }

  changed(event, note) {
    this.feed.publish({ event, data: { id: note.id, title: note.title, author: note.author } });
    return note;
  }
}
