// inspected.mjs ends|stays: a program that lets itself be looked at. Prints its inspector's port.
import { Mutex, sleep, spawn } from 'stackful';
import { inspect } from 'stackful/inspect';

const inspector = inspect();
console.log(inspector.port);
if (process.argv[2] === 'stays') {
  const mutex = new Mutex();
  spawn(() => mutex.withLock(() => sleep(120_000)), { name: 'holder' });
  spawn(() => mutex.lock(), { name: 'contender' });
} else {
  // With a connection open, too, the process ends when its own work is done.
  await fetch(`http://127.0.0.1:${inspector.port}/stats.json`).then((answer) => answer.json());
  await spawn(() => sleep(10));
}
