import { sleep, spawn } from 'stackful';

setTimeout(() => {
  spawn(() => sleep(5));
}, 100);
