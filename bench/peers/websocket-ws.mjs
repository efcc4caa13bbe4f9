// websocket-ws.mjs PORT MODE: the package ws.
import { WebSocketServer } from 'ws';

const [port, mode] = process.argv.slice(2);
const server = new WebSocketServer({ port: Number(port), host: '127.0.0.1', backlog: 4096, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('error', () => undefined);
  socket.on('message', (data, binary) => {
    if (mode === 'echo') socket.send(data, { binary });
    else for (const client of server.clients) client.send(data, { binary });
  });
});
