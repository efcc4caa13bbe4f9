import { ReadWriteLock, sleep, spawn } from 'stackful';

let version = 1;
const lock = new ReadWriteLock();
const change = (): void => lock.write(() => {
  const before = version;
  sleep(1);
  version = before + 1;
});
spawn(change);
spawn(change);
