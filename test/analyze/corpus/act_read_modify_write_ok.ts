import { Mutex, sleep, spawn } from 'stackful';

let counter = 0;
const mutex = new Mutex();
const increase = (): void => mutex.withLock(() => {
  const before = counter;
  sleep(1);
  counter = before + 1;
});
spawn(increase);
spawn(increase);
