// sockets.mjs WORK PORT [UPSTREAM]: a line protocol, a UDP echo or a TCP proxy, with a coroutine for each connection.
import { spawn } from '../../dist/index.js';
import { connect, listen, pipe, UdpSocket } from '../../dist/net.js';

const [, , work, port, upstream] = process.argv;
const host = '127.0.0.1';

function answerLines(socket) {
  for (let line = socket.readLine(); line !== null; line = socket.readLine()) socket.write(`${line}\n`);
}

function passOn(client) {
  const server = connect({ host, port: Number(upstream) });
  const there = spawn(() => pipe(client, server));
  pipe(server, client);
  there.join();
  server.close();
}

function serve(handler) {
  for (const socket of listen({ host, port: Number(port), backlog: 1024 })) {
    spawn(() => {
      try {
        handler(socket);
      } catch {
        // The load has left.
      }
      socket.close();
    });
  }
}

spawn(() => {
  if (work === 'lines') serve(answerLines);
  if (work === 'proxy') serve(passOn);
  if (work !== 'udp') return;
  const socket = UdpSocket.bind({ host, port: Number(port) });
  for (const datagram of socket) socket.send(datagram.data, datagram);
});
