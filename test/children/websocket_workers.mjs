// websocket_workers.mjs: workers that talk to each other and to themselves; some are terminated in the middle. Prints "ok".
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const source = `
  import { spawn, sleep } from 'stackful';
  import { serve } from 'stackful/http';
  import { connect, Group } from 'stackful/websocket';
  import http2 from 'node:http2';
  import { parentPort, workerData } from 'node:worker_threads';
  const room = new Group();
  const server = serve((request) => {
    // Node itself aborts when a worker is terminated between the making of a zlib object and its beginning ("close before init").
    const socket = request.upgrade({ borrow: true, compression: !workerData && { threshold: 100 } });
    room.add(socket);
    for (const message of socket) { socket.send(message); room.broadcast('to all'.repeat(50)); }
  }, { host: '127.0.0.1', http2: true });
  if (workerData) {
    // Streams of HTTP/2 that wait for their client.
    const session = http2.connect('http://127.0.0.1:' + server.port).on('error', () => undefined);
    session.once('remoteSettings', () => {
      const asks = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', 'sec-websocket-version': '13' };
      for (let i = 0; i < 5; i++) session.request(asks).on('error', () => undefined);
    });
  }
  for (let i = 0; i < 20; i++) {
    spawn(() => {
      const socket = connect('ws://127.0.0.1:' + server.port + '/', { compression: i % 2 === 0, borrow: i % 3 === 0 });
      for (let n = 0; workerData || n < 20; n++) {
        socket.send(n % 2 ? 'x'.repeat(n * 100) : Buffer.alloc(20000));
        for (let k = 0; k < 3; k++) socket.receive();
        if (n === 5) parentPort.postMessage('running');
      }
      if (i % 2) socket.close();
      else socket.terminate();
      if (--left === 0) { parentPort.postMessage('done'); server.close({ deadline: 100 }); }
    });
  }
  let left = 20;
`;
const resolved = (name) => import.meta.resolve(name);
const text = source.replace(/'(stackful[a-z/]*)'/g, (_, name) => `'${resolved(name)}'`);
const script = new URL(`data:text/javascript,${encodeURIComponent(text)}`);

const whole = new Worker(script, { workerData: 0 });
const ended = once(whole, 'exit');
for (let i = 0; i < 4; i++) {
  const worker = new Worker(script, { workerData: 1 });
  await once(worker, 'message');
  await worker.terminate();
}
const [code] = await ended;
if (code !== 0) throw new Error(`the worker ended with ${code}`);
console.log('ok');
