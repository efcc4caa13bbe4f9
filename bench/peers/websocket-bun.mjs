/* global Bun, Response */
// websocket-bun.mjs PORT MODE: for Bun, its own server.
const [port, mode] = process.argv.slice(2);
const server = Bun.serve({
  port: Number(port),
  hostname: '127.0.0.1',
  fetch: (request, own) => (own.upgrade(request) ? undefined : new Response('no')),
  websocket: {
    perMessageDeflate: false,
    open: (socket) => { if (mode === 'broadcast') socket.subscribe('all'); },
    message: (socket, message) => {
      if (mode === 'echo') socket.send(message);
      else server.publish('all', message);
    },
  },
});
