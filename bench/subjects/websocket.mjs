// websocket.mjs PORT MODE [borrow]: sends messages back, or to all; borrow: those that are lent.
import { serve } from 'stackful/http';
import { Group } from 'stackful/websocket';

const [port, mode, lends] = process.argv.slice(2);
const options = { borrow: lends === 'borrow' };
const all = new Group();
const handlers = {
  echo: (request) => {
    const socket = request.upgrade(options);
    for (let message = socket.receive(); message !== null; message = socket.receive()) socket.send(message);
  },
  broadcast: (request) => {
    const socket = request.upgrade(options);
    all.add(socket);
    for (const message of socket) all.broadcast(message);
  },
};
serve(handlers[mode], { host: '127.0.0.1', port: Number(port), backlog: 4096, onError: () => undefined });
