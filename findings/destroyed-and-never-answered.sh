#!/bin/sh
# mysql2 3.24.6: the promise of a query that is under way when its connection is destroyed never settles, in either way.
#
# The callback form promises that `destroy()` lets no callback run any more, and mysql2/promise is made of callbacks: so an
# `await connection.query(…)` beside the `destroy()` waits for ever, its `finally` never runs, and a pool's connection that the awaiting
# function was to release stays lent. With `end()` in its place the query is answered. A connection that breaks by itself rejects it with
# PROTOCOL_CONNECTION_LOST.
#
# Seen, with the server that mysql2 itself can be, which takes 300 ms for an answer, when 1.5 seconds have passed:
#
#   destroy: nothing
#   end: an answer
#   the server closes: PROTOCOL_CONNECTION_LOST
#
# Exits with 1 when anything else is printed. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/asking.cjs" <<'END'
const { createServer } = require('mysql2');
const { createConnection } = require('mysql2/promise');

const server = createServer((connection) => {
  connection.on('error', () => {});
  connection.serverHandshake({
    protocolVersion: 10, serverVersion: '8.0.0', connectionId: 1, statusFlags: 2, characterSet: 45, capabilityFlags: 0xffffff,
  });
  connection.on('query', (text) => {
    if (text === 'CLOSE') connection.stream.destroy();
    else setTimeout(() => { if (connection.stream.writable) connection.writeOk({ affectedRows: 1 }); }, 300);
  });
});

/** What has come of a query, of which `interrupt` is told while it is under way. */
async function outcome(text, interrupt) {
  const connection = await createConnection({ host: '127.0.0.1', port: server._server.address().port, user: 'anyone' });
  connection.on('error', () => {});
  let came = 'nothing';
  connection.query(text).then(() => { came = 'an answer'; }, ({ code }) => { came = code; });
  setTimeout(interrupt, 50, connection);
  await new Promise((resolve) => { setTimeout(resolve, 1500); });
  return came;
}

server.listen(0, async () => {
  console.log(`destroy: ${await outcome('SELECT 1', (connection) => connection.destroy())}`);
  console.log(`end: ${await outcome('SELECT 1', (connection) => connection.end())}`);
  console.log(`the server closes: ${await outcome('CLOSE', () => {})}`);
  process.exit();
});
END
sed -n 's/^#   \(.*: .*\)/\1/p' "$0" > "$work/expected"
npm install --silent --no-audit --no-fund --prefix "$work" mysql2@3.24.6 > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
timeout 60 node "$work/asking.cjs" 2> "$work/warnings" | tee "$work/seen"
diff "$work/expected" "$work/seen"
echo 'as described'
