// websocket.mjs PORT MODE: sends messages back, or to all.
import { serve } from 'stackful/http';
import { Group } from 'stackful/websocket';

const [port, mode] = process.argv.slice(2);
const all = new Group();
const handlers = {
  echo: (request) => {
    const socket = request.upgrade();
    for (let message = socket.receive(); message !== null; message = socket.receive()) socket.send(message);
  },
  broadcast: (request) => {
    const socket = request.upgrade();
    all.add(socket);
    for (const message of socket) all.broadcast(message);
  },
};
serve(handlers[mode], { host: '127.0.0.1', port: Number(port), backlog: 4096, onError: () => undefined });
