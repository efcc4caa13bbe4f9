// net_last_words.mjs exit|return|worker|full|open|outside: writes that were put off when the program, or the thread, ends.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { sleep, spawn } from 'stackful';
import { listen } from 'stackful/net';

const how = isMainThread ? process.argv[2] : workerData;
const full = ['full', 'open', 'outside'].includes(how);

/** Writes until the system takes no more. */
function fill(socket) {
  while (socket.buffered === 0) {
    socket.write('x'.repeat(8000));
    sleep(1);
  }
}

function serve(tell) {
  spawn(() => {
    const listener = listen({ host: '127.0.0.1', port: 0 });
    tell(listener.address.port);
    const socket = listener.accept();
    listener.close();
    socket.readLine();
    if (full) fill(socket);
    const before = socket.buffered;
    socket.write('last words');
    if (socket.buffered !== before + 10) throw new Error('not put off');
    if (how === 'exit' || how === 'worker') process.exit();
    if (full) tell('full');
    // When the last bytes are out nothing keeps the program alive.
    if (how === 'outside') setTimeout(() => { socket.end(); }, 1);
    else if (how !== 'open') socket.close();
  });
}

if (!isMainThread) {
  serve((port) => parentPort.postMessage(port));
} else if (process.argv[3]) {
  serve((message) => process.send(message));
  process.channel.unref();
} else {
  const here = new URL(import.meta.url);
  const server = how === 'worker' ? new Worker(here, { workerData: how }) : fork(here, [how, 'server']);
  const ended = once(server, 'exit');
  const [port] = await once(server, 'message');
  const client = connect(port, '127.0.0.1').on('error', () => undefined);
  client.write('1\n2\n');
  if (full) await once(server, 'message');
  let text = '';
  client.on('data', (data) => (text += data));
  await once(client, 'close');
  console.log(text.slice(-10));
  const [code] = await ended;
  if (code !== 0) throw new Error(`the server ended with ${code}`);
}
