import { Mutex, spawn } from 'stackful';

const a = new Mutex();
const b = new Mutex();
const c = new Mutex();
spawn(() => a.withLock(() => b.withLock(() => 1))); // expect: lock-order
spawn(() => b.withLock(() => c.withLock(() => 2)));
spawn(() => c.withLock(() => a.withLock(() => 3)));
