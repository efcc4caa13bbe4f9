import { Mutex, spawn } from 'stackful';

const mutex = new Mutex();
export const once = (done: boolean) => spawn(() => {
  mutex.lock();
  if (done) {
    mutex.unlock();
    return;
  }
  console.log('once');
  mutex.unlock();
});
