import { Mutex, spawn } from 'stackful';

let stock = 1;
const mutex = new Mutex();
const order = (): string => {
  if (stock === 0) return 'sold out';
  using _lock = mutex.lock();
  stock--; // expect: check-then-act
  return 'sold';
};
spawn(order);
spawn(order);
