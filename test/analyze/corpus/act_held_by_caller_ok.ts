import { Mutex, sleep, spawn } from 'stackful';

let limit = 3;
const mutex = new Mutex();
function takeLocked(): void {
  if (limit <= 0) return;
  sleep(1);
  limit--;
}
function take(): void {
  using _lock = mutex.lock();
  takeLocked();
}
spawn(take);
spawn(take);
