// websocket-uws.mjs PORT MODE BINARY: uWebSockets.js.
import { createRequire } from 'node:module';

const [port, mode, binary] = process.argv.slice(2);
const app = createRequire(import.meta.url)(binary).App();
app.ws('/*', {
  compression: 0,
  maxPayloadLength: 1 << 20,
  open: (socket) => { if (mode === 'broadcast') socket.subscribe('all'); },
  message: (socket, message, isBinary) => {
    if (mode === 'echo') socket.send(message, isBinary);
    else app.publish('all', message, isBinary);
  },
});
app.listen('127.0.0.1', Number(port), (listening) => {
  if (!listening) throw new Error(`cannot listen on ${port}`);
});
