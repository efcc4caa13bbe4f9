import { Mutex, sleep, spawn } from 'stackful';

let stock = 1;
const mutex = new Mutex();
const order = (): string => {
  using _lock = mutex.lock();
  if (stock === 0) return 'sold out';
  sleep(1);
  stock--;
  return 'sold';
};
spawn(order);
spawn(order);
