import { ReadWriteLock, spawn } from 'stackful';

const lock = new ReadWriteLock();
const inner = () => lock.read(() => 1);
spawn(() => lock.read(() => inner()));
