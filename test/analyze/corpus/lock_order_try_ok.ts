import { Mutex, spawn } from 'stackful';

const a = new Mutex();
const b = new Mutex();
spawn(() => a.withLock(() => b.withLock(() => 1)));
spawn(() => b.withLock(() => {
  const held = a.tryLock();
  held?.[Symbol.dispose]();
}));
