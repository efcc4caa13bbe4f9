// For test/databases/sqlite.test.ts: the default export runs queries in one transaction, on this worker's own connection.
import Database from 'better-sqlite3';

const connections = new Map();

function connectionTo(file) {
  let db = connections.get(file);
  if (!db) {
    // Another worker may have the file locked for as long as its transaction runs.
    db = new Database(file, { timeout: 60_000 });
    connections.set(file, db);
  }
  return db;
}

/** The rows of each query, or what it has changed. */
export default (file, queries) => {
  const db = connectionTo(file);
  return db.transaction(() => queries.map(([text, ...values]) => {
    const statement = db.prepare(text);
    return statement.reader ? statement.all(...values) : statement.run(...values);
  })).immediate();
};
