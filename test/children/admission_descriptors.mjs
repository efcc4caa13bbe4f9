// admission_descriptors.mjs (on | off): 300 coroutines open a file each and keep it for a moment, 100 clients connect to a server of the
// same process, and there are hardly any descriptors. Prints how many failed for lack of them.
import { configure, sleep, spawn, stats } from 'stackful';
import { open } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

configure({ admission: process.argv[2] === 'on' });
let failed = 0;
const count = (error) => {
  if (error.code !== 'EMFILE') throw error;
  failed++;
};
const files = Array.from({ length: 300 }, () => spawn(() => {
  try {
    const file = open(import.meta.filename);
    sleep(50);
    file.close();
  } catch (error) {
    count(error);
  }
}));
for (const file of files) await file;
const listener = listen({ host: '127.0.0.1', port: 0 });
const server = spawn(() => {
  for (;;) {
    let socket;
    try {
      socket = listener.accept();
    } catch (error) {
      if (error.code === 'ERR_SOCKET_CLOSED') return;
      count(error);
      sleep(5);
      continue;
    }
    spawn(() => {
      socket.write(socket.read());
      socket.close();
    });
  }
});
const clients = Array.from({ length: 100 }, () => spawn(() => {
  for (let tries = 0; tries < 200; tries++) {
    try {
      const socket = connect({ host: '127.0.0.1', port: listener.address.port });
      socket.write('hello');
      const answer = String(socket.read());
      socket.close();
      return answer === 'hello';
    } catch (error) {
      count(error);
      sleep(5);
    }
  }
  return false;
}));
let served = 0;
for (const client of clients) if (await client) served++;
listener.close();
await server;
console.log(JSON.stringify({ failed, served, waited: (stats().admission?.descriptorWaits ?? 0) > 0 }));
