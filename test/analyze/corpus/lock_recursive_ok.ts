import { Mutex, spawn } from 'stackful';

const mutex = new Mutex();
function inner(): void {
  console.log('inner');
}
function outer(): void {
  mutex.withLock(() => inner());
}
spawn(outer);
