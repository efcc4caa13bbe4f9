import { sleep, spawn } from 'stackful';

console.log('starting');
await spawn(() => sleep(10));
