// Ends workers, and at last the process, while their servers of HTTP/2 have streams that read, write, sleep and have answered.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { sleep } from 'stackful';
import { serve } from 'stackful/http';

function start() {
  const server = serve((request) => {
    switch (request.path) {
      case '/body':
        return request.text();
      case '/write':
        return 'x'.repeat(1_000_000);
      case '/parts':
        return { body: (function* () { for (;;) yield 'x'.repeat(1000); })() };
      case '/sleep':
        return void sleep(60_000);
      default:
        return 'x'.repeat(50_000);
    }
  }, { host: '127.0.0.1', http2: true, onError: () => undefined });
  return server;
}

/** Streams in every state, of a client that takes next to nothing. */
async function load(port) {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 10 } });
  session.on('error', () => undefined);
  const streams = ['/body', '/write', '/parts', '/sleep', '/whole'].map((path) => {
    const stream = session.request({ ':path': path, ':method': path === '/body' ? 'POST' : 'GET' }, { endStream: path !== '/body' });
    stream.on('error', () => undefined);
    if (path === '/body') stream.write('x');
    return stream;
  });
  await Promise.all(['/write', '/parts', '/whole'].map((_, i) => once(streams[[1, 2, 4][i]], 'response')));
  return session;
}

if (isMainThread) {
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(new URL(import.meta.url));
    const [port] = await once(worker, 'message');
    const sessions = await Promise.all([load(port), load(port)]);
    await worker.terminate();
    for (const session of sessions) session.destroy();
  }
  const server = start();
  await load(server.port);
  console.log('ended');
  process.exit(0);
} else {
  parentPort.postMessage(start().port);
}
