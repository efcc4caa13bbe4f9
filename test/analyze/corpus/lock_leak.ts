import { Mutex, sleep, spawn } from 'stackful';

const mutex = new Mutex();
spawn(() => {
  mutex.lock(); // expect: lock-leak
  sleep(1);
  mutex.unlock();
});
