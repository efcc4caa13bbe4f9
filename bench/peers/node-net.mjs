// node-net.mjs PORT: the least a server in plain JavaScript can do. It looks for blank lines, not at headers.
import { createServer } from 'node:net';

const body = 'Hello, World!\n';
const blankLine = '\r\n\r\n';
let response = '';

function refreshResponse() {
  const date = new Date().toUTCString();
  const headers = `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nDate: ${date}\r\n`;
  response = `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`;
}
refreshResponse();
setInterval(refreshResponse, 1000);

const server = createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.on('data', (chunk) => {
    const text = rest + chunk.latin1Slice();
    let answers = 0;
    let start = 0;
    for (let end = text.indexOf(blankLine); end >= 0; end = text.indexOf(blankLine, start)) {
      answers++;
      start = end + blankLine.length;
    }
    rest = text.slice(start);
    if (answers > 0) socket.write(answers === 1 ? response : response.repeat(answers), 'latin1');
  });
  socket.on('error', () => socket.destroy());
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
