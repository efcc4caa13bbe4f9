import { Mutex, sleep, spawn } from 'stackful';

const a = new Mutex();
const b = new Mutex();
const withB = (fn: () => void): void => b.withLock(fn);
function first(): void {
  using _a = a.lock();
  second();
}
function second(): void {
  using _b = b.lock(); // expect: lock-order
  sleep(1);
}
function third(): void {
  using _b = b.lock();
  using _a = a.lock();
}
spawn(first);
spawn(third);
spawn(() => withB(() => sleep(1)));
