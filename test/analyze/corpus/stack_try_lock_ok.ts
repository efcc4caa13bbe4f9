import { Mutex, spawn } from 'stackful';

const mutex = new Mutex();
process.nextTick(() => {
  spawn(() => mutex.tryLock()?.[Symbol.dispose]());
});
