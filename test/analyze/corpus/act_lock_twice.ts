import { Mutex, sleep, spawn } from 'stackful';

let stock = 1;
const mutex = new Mutex();
const order = (): void => {
  const left = mutex.withLock(() => stock);
  sleep(1);
  mutex.withLock(() => { stock = left - 1; }); // expect: check-then-act
};
spawn(order);
spawn(order);
