// uncaught.mjs [sites | unreadable]: a coroutine fails that is neither joined nor awaited.
import { configure, sleep, spawn } from 'stackful';

if (process.argv[2] === 'sites') configure({ spawnSites: true });
const error = new Error('unheard');
if (process.argv[2] === 'unreadable') {
  Object.defineProperty(error, 'stack', { get() { throw new Error('no stack'); } });
  process.on('unhandledRejection', ({ message }) => { console.log(message); });
}
function start() {
  spawn(() => {
    sleep(1);
    throw error;
  }, { name: 'worker' });
}
start();
