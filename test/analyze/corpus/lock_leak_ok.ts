import { Mutex, sleep, spawn } from 'stackful';

const mutex = new Mutex();
spawn(() => {
  mutex.lock();
  try {
    sleep(1);
  } finally {
    mutex.unlock();
  }
});
