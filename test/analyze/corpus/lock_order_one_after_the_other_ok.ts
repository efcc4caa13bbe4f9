import { Mutex, sleep, spawn } from 'stackful';

const accounts = new Mutex();
const log = new Mutex();
const transfer = () => { accounts.withLock(() => sleep(1)); log.withLock(() => sleep(1)); };
const report = () => { log.withLock(() => sleep(1)); accounts.withLock(() => sleep(1)); };
spawn(transfer);
spawn(report);
