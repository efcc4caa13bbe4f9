// net_udp.mjs: descriptors of UDP sockets, memory of coroutines that wait for datagrams, and much traffic among collections.
import { readdirSync } from 'node:fs';

import { sleep, spawn } from 'stackful';
import { UdpSocket } from 'stackful/net';

const count = () => readdirSync('/proc/self/fd').length;
const turn = () => new Promise((resolve) => setImmediate(resolve));

await spawn(() => {
  const before = count();
  for (let i = 0; i < 300; i++) {
    const socket = UdpSocket.bind({ host: '127.0.0.1' });
    const reader = spawn(() => socket.receive());
    if (i % 3 === 0) sleep(0);
    if (i % 2) reader.cancel();
    socket.close();
    try {
      reader.join();
    } catch {
      // Closed or cancelled.
    }
  }
  if (count() !== before) throw new Error(`${count() - before} descriptors are left`);
});

const before = count();
(() => {
  for (let i = 0; i < 50; i++) UdpSocket.bind({ host: '127.0.0.1' });
})();
for (let i = 0; i < 20 && count() > before; i++) {
  globalThis.gc();
  await turn();
}
if (count() > before) throw new Error('forgotten sockets stay open');

await spawn(() => {
  const sockets = Array.from({ length: 400 }, () => UdpSocket.bind({ host: '127.0.0.1' }));
  const readers = sockets.map((socket) => spawn(() => socket.receive()));
  sleep(50);
  const uses = readers.map((reader) => reader.stackUse().resident);
  uses.sort((a, b) => a - b);
  const median = uses[uses.length / 2];
  if (median > 4096) throw new Error(`a parked receive takes ${median} bytes`);
  for (const reader of readers) {
    reader.cancel();
    try {
      reader.join();
    } catch {
      // Cancelled.
    }
  }
  for (const socket of sockets) socket.close();
});

await spawn(() => {
  const server = UdpSocket.bind({ host: '127.0.0.1' });
  spawn(() => {
    for (const datagram of server) server.send(datagram.data, datagram);
  });
  const clients = Array.from({ length: 20 }, (_, c) => spawn(() => {
    const socket = new UdpSocket();
    socket.connect(server.address.port, '127.0.0.1');
    for (let i = 0; i < 500; i++) {
      const text = `${c}:${i}:${'x'.repeat(i % 100)}`;
      socket.send(text);
      const got = String(socket.receive().data);
      if (got !== text) throw new Error(`${got} instead of ${text}`);
      if (i % 100 === 0) globalThis.gc({ type: 'minor' });
    }
    socket.close();
  }));
  for (const client of clients) client.join();
  server.close();
});
console.log('ok');
