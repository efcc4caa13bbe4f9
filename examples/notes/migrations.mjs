// The schema, as the steps that lead to it. A step that has run anywhere is never changed: the next one changes what it made.

const STEPS = [
  `CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    password text NOT NULL);
  CREATE UNIQUE INDEX users_by_name ON users (lower(name));
  CREATE TABLE sessions (
    token bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    expires timestamptz NOT NULL)`,

  `CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author bigint NOT NULL REFERENCES users,
    title text NOT NULL,
    body text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    changed timestamptz NOT NULL DEFAULT now());
  CREATE INDEX notes_by_time ON notes (changed DESC, id DESC);
  CREATE INDEX notes_by_words ON notes USING gin (to_tsvector('simple', title || ' ' || body))`,

  `CREATE TABLE attachments (
    id uuid PRIMARY KEY,
    note bigint NOT NULL REFERENCES notes ON DELETE CASCADE,
    name text NOT NULL,
    bytes bigint NOT NULL);
  CREATE INDEX attachments_of ON attachments (note)`,
];
/** Any number that no other program takes as a lock in this database. */
const LOCK = 781_402_113;

/**
 * Brings the database up to date, and returns how many steps that took. Of several servers that start at the same time one does it,
 * the others wait.
 *
 * @param {import('./database.mjs').Database} database
 */
export function migrate(database) {
  return database.transaction((query) => {
    query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    query('CREATE TABLE IF NOT EXISTS migrations (step integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())');
    const { rows: [{ done }] } = query('SELECT count(*)::integer AS done FROM migrations');
    for (let step = done; step < STEPS.length; step++) {
      query(STEPS[step]);
      query('INSERT INTO migrations (step) VALUES ($1)', [step + 1]);
    }
    return Math.max(0, STEPS.length - done);
  });
}
