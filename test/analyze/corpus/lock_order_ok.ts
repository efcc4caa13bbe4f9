import { Mutex, sleep, spawn } from 'stackful';

const accounts = new Mutex();
const log = new Mutex();
const transfer = () => accounts.withLock(() => log.withLock(() => sleep(1)));
const report = () => accounts.withLock(() => log.withLock(() => sleep(1)));
spawn(transfer);
spawn(report);
