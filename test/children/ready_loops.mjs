// Coroutines that stay ready: what fairness.mjs, and the bench of the same name, run beside others.
import { fileURLToPath } from 'node:url';

import { Channel, Event, Mutex, select, Semaphore, spawn, WaitGroup, wait, waitCallback, yieldNow } from 'stackful';
import { exists, readFile, stat } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

/** `over` ends the loops; `rounds` counts what they have computed. */
export const made = { over: false, rounds: 0 };

/** Half a millisecond of computing, or as long as it is told. */
export function compute(ms = 0.5) {
  made.rounds++;
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** Loops that are always ready: each function does one round, with something to wait for that is there. */
const mutex = new Mutex();
const semaphore = new Semaphore(1);
const set = new Event();
set.set();
const none = new WaitGroup();
const finished = spawn(() => 1);
const buffered = new Channel(8);
const fulfilled = Promise.resolve(1);
const file = fileURLToPath(import.meta.url);

const forever = (round) => () => { while (!made.over) round(); };

/** The bodies of the coroutines of each loop; to be called in a coroutine. */
export const LOOPS = {
  yields: () => [forever(() => { compute(); yieldNow(); })],
  'two yield': () => [1, 2].map(() => forever(() => { compute(); yieldNow(); })),
  'a hundred yield': () => Array.from({ length: 100 }, () => forever(() => { compute(0.1); yieldNow(); })),
  stat: () => [forever(() => { compute(); stat(file); })],
  exists: () => [forever(() => { compute(); exists(file); })],
  readFile: () => [forever(() => { compute(); readFile(file); })],
  mutex: () => [1, 2].map(() => forever(() => { mutex.withLock(() => { compute(); }); })),
  'free mutex': () => [forever(() => { compute(); mutex.withLock(() => {}); })],
  semaphore: () => [forever(() => { compute(); semaphore.withPermit(() => {}); })],
  event: () => [forever(() => { compute(); set.wait(); })],
  'wait group': () => [forever(() => { compute(); none.wait(); })],
  channel: () => [forever(() => { compute(); buffered.send(1); buffered.receive(); })],
  'producer and consumer': () => [
    () => { try { forever(() => { compute(); buffered.send(1); })(); } finally { buffered.close(); } },
    () => { for (const one of buffered) compute(one / 2); },
  ],
  select: () => [forever(() => { compute(); select([set, buffered]); })],
  join: () => [forever(() => { compute(); finished.join(); })],
  'spawn and join': () => [forever(() => { spawn(() => { compute(); }).join(); })],
  wait: () => [forever(() => { compute(); wait(fulfilled); })],
  callback: () => [forever(() => { compute(); waitCallback((done) => { done(null); }); })],
  lines: () => {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const text = 'x\n'.repeat(30_000);
    spawn(() => {
      const socket = listener.accept();
      listener.close();
      try { while (!made.over) socket.write(text); } catch { /* it has left */ }
      socket.close();
    });
    const socket = connect({ port: listener.address.port, host: '127.0.0.1' });
    return [() => { try { forever(() => { compute(); socket.readLine(); })(); } finally { socket.close(); } }];
  },
};
