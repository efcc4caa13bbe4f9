// An echo server and a client of it: a coroutine for each connection, and nothing but loops in either.
//
//   node examples/echo.mjs
import { spawn } from 'stackful';
import { connect, listen } from 'stackful/net';

const listener = listen({ port: 0, host: '127.0.0.1' });

spawn(() => {
  for (const socket of listener) {
    spawn(() => {
      for (const chunk of socket) socket.write(chunk);
      socket.close();
    });
  }
});

await spawn(() => {
  const socket = connect({ port: listener.address.port, host: '127.0.0.1' });
  socket.write('one line\n');
  console.log('echoed:', socket.readLine());
  socket.close();
  listener.close();
});
