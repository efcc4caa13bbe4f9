// shared_channel.mjs COUNT: workers that wait, send and receive are terminated at any moment. Whoever is left goes on: no room is lost,
// and no receiver waits beside a message. Prints "ok COUNT terminated".
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { SharedChannel, spawn, timeout, yieldNow } from 'stackful';

const count = Number(process.argv[2]);
const HUNG_MS = 60_000;
const CAPACITY = 4;

const source = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { SharedChannel, spawn, yieldNow } from ${JSON.stringify(import.meta.resolve('stackful'))};
  const channel = SharedChannel.from(workerData);
  const slow = { get part() { yieldNow(); return 'x'; } };
  for (let i = 0; i < 3; i++) {
    spawn(() => { for (;;) channel.send(i === 0 ? slow : { i }); });
    spawn(() => { for (;;) channel.receive(); });
  }
  spawn(() => { yieldNow(); parentPort.postMessage('up'); });
`;
const script = new URL(`data:text/javascript,${encodeURIComponent(source)}`);

for (let n = 0; n < count; n++) {
  const channel = new SharedChannel(CAPACITY);
  const workers = [0, 1].map(() => new Worker(script, { workerData: channel.handle }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  // A coroutine of this thread takes part, and waits when they end.
  const beside = spawn(() => { for (;;) channel.receive(); });
  const end = performance.now() + (n % 10) / 5;
  while (performance.now() < end);
  await Promise.all(workers.map((worker) => worker.terminate()));
  await spawn(() => timeout(HUNG_MS, () => {
    beside.cancel();
    beside.then(undefined, () => undefined);
    while (beside.state !== 'done') yieldNow();
    while (channel.tryReceive());
    for (let i = 0; i < CAPACITY; i++) channel.send(i);
    if (channel.trySend('one more')) throw new Error('there was too much room');
    for (let i = 0; i < CAPACITY; i++) if (channel.receive() !== i) throw new Error('out of order');
    channel.close();
  }));
}
console.log(`ok ${count} terminated`);
