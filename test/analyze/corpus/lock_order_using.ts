import { Mutex, spawn } from 'stackful';

const a = new Mutex();
const b = new Mutex();
spawn(() => {
  using _a = a.lock();
  using _b = b.lock(); // expect: lock-order
});
spawn(() => {
  using _b = b.lock();
  using _a = a.lock();
});
