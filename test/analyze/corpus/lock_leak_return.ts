import { Mutex, spawn } from 'stackful';

const mutex = new Mutex();
export const once = (done: boolean) => spawn(() => {
  mutex.lock(); // expect: lock-leak
  if (done) return;
  console.log('once');
  mutex.unlock();
});
