// net_pipe.mjs: a proxy that serves a thousand connections, some of which are given up.
import { readdirSync } from 'node:fs';

import { sleep, spawn, timeout } from 'stackful';
import { connect, listen, pipe } from 'stackful/net';

const count = () => readdirSync('/proc/self/fd').length;
const host = '127.0.0.1';

function server(handler) {
  const listener = listen({ host, port: 0 });
  spawn(() => {
    for (const socket of listener) {
      spawn(() => {
        try {
          handler(socket);
        } catch (error) {
          if (!['ECONNRESET', 'EPIPE', 'ERR_SOCKET_CLOSED'].includes(error.code)) throw error;
        } finally {
          socket.close();
        }
      });
    }
  });
  return listener;
}

await spawn(() => {
  const before = count();
  const echo = server((socket) => { pipe(socket, socket); });
  const proxy = server((socket) => {
    const upstream = connect({ host, port: echo.address.port });
    const there = spawn(() => {
      try {
        pipe(socket, upstream);
      } catch {
        upstream.close();
      }
    });
    try {
      pipe(upstream, socket);
      there.join();
    } finally {
      there.cancel();
      upstream.close();
    }
  });
  const clients = Array.from({ length: 20 }, (_, c) => spawn(() => {
    for (let i = 0; i < 50; i++) {
      const socket = connect({ host, port: proxy.address.port });
      const data = Buffer.alloc(1 + ((i * 7919) % 300_000), c);
      const writing = spawn(() => {
        try {
          socket.write(data);
          socket.end();
        } catch (error) {
          if (i % 5 !== 0) throw error;
        }
      });
      if (i % 5 === 0) {
        try {
          timeout(1, () => socket.readExactly(data.length));
        } catch {
          // Given up in the middle.
        }
        socket.close();
        writing.join();
        continue;
      }
      if (!socket.readExactly(data.length).equals(data) || socket.read() !== null) throw new Error('something else came back');
      writing.join();
      socket.close();
    }
  }));
  for (const client of clients) client.join();
  proxy.close();
  echo.close();
  for (let i = 0; i < 100 && count() > before + 32; i++) sleep(10);
  // Sixteen pipes stay for the next calls.
  if (count() > before + 32) throw new Error(`${count() - before} descriptors are left`);
});
console.log('ok');
