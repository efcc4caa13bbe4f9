import { ReadWriteLock, sleep, spawn } from 'stackful';

let version = 1;
const lock = new ReadWriteLock();
const change = (): void => lock.read(() => {
  const before = version;
  sleep(1);
  version = before + 1; // expect: check-then-act
});
spawn(change);
spawn(change);
