// signals.mjs: prints what waitSignal makes of signals that the process sends to itself, as JSON.
import { setImmediate as turn } from 'node:timers/promises';
import { coroutines, spawn, timeout, waitSignal } from 'stackful';

const said = {};
const send = async (...signals) => {
  for (const signal of signals) process.kill(process.pid, signal);
  for (let i = 0; i < 20; i++) await turn();
};
/** Until each of them waits. */
const waiting = async (...all) => { while (!all.every(({ state }) => state === 'parked')) await turn(); };
const keepAlive = setInterval(() => {}, 1_000);

const two = [spawn(() => waitSignal('SIGHUP')), spawn(() => waitSignal(['SIGUSR2', 'SIGHUP']))];
await waiting(...two);
said.parkedOn = coroutines().map((coroutine) => coroutine.parkedOn);
await send('SIGHUP');
said.all = await Promise.all(two);

// Nobody waits for these: the process goes on, and the next waits hear of each kind once.
await send('SIGHUP', 'SIGHUP', 'SIGUSR2');
said.kept = await spawn(() => [waitSignal(['SIGHUP', 'SIGUSR2']), waitSignal(['SIGHUP', 'SIGUSR2'])]);
said.none = await spawn(() => timeout(20, () => waitSignal(['SIGHUP', 'SIGUSR2']))).promise.catch((error) => error.code);
// A wait that has ended no longer takes them.
await send('SIGUSR2');
said.afterTimeout = await spawn(() => waitSignal('SIGUSR2'));

const cancelled = spawn(() => waitSignal('SIGHUP'));
await waiting(cancelled);
cancelled.cancel();
said.cancelled = await cancelled.promise.catch((error) => error.code);
said.refused = [];
for (const bad of ['SIGKILL', 'SIGNOTHING', 5, [], ['SIGHUP', 5]]) {
  said.refused.push(await spawn(() => waitSignal(bad)).promise.catch((error) => error.code));
}
said.afterRefusal = await spawn(() => timeout(20, () => waitSignal('SIGHUP'))).promise.catch((error) => error.code);
try { waitSignal('SIGHUP'); } catch (error) { said.main = error.code; }
clearInterval(keepAlive);
// This one keeps nothing alive.
spawn(() => waitSignal('SIGHUP'));
console.log(JSON.stringify(said));
