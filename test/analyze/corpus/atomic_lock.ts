import { atomic, Mutex, spawn } from 'stackful';

const mutex = new Mutex();
spawn(() => atomic(() => {
  using _lock = mutex.lock(); // expect: atomic-parks
}));
