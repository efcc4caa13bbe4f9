import { Mutex, spawn } from 'stackful';

const mutex = new Mutex();
function inner(): void {
  mutex.withLock(() => console.log('inner'));
}
function outer(): void {
  mutex.withLock(() => inner()); // expect: lock-recursive
}
spawn(outer);
