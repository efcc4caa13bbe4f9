// node-sockets.mjs WORK PORT [UPSTREAM]: what ../subjects/sockets.mjs does, with node:net and node:dgram.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [, , work, port, upstream] = process.argv;
const host = '127.0.0.1';

function answerLines(socket) {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) socket.write(`${line}\n`);
  });
}

function passOn(client) {
  const server = connect({ host, port: Number(upstream), noDelay: true });
  server.on('error', () => client.destroy());
  client.pipe(server);
  server.pipe(client);
}

if (work === 'udp') {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.bind(Number(port), host);
} else {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (work === 'lines') answerLines(socket);
    else passOn(socket);
  });
  server.listen({ host, port: Number(port), backlog: 1024 });
}
