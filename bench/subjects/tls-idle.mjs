// tls-idle.mjs PORT COUNT: connections over TLS that have asked once and stay; prints "open" when all have their answer.
import { spawn, sleep } from 'stackful';
import { connect, secureContext } from 'stackful/tls';

const [port, count] = process.argv.slice(2).map(Number);
const context = secureContext();
spawn(() => {
  const sockets = [];
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: '127.0.0.1', port, secureContext: context, rejectUnauthorized: false });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.read();
    sockets.push(socket);
  }
  console.log('open');
  sleep(3_600_000);
  for (const socket of sockets) socket.close();
});
