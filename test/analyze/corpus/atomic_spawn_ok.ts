import { atomic, sleep, spawn } from 'stackful';

spawn(() => atomic(() => {
  spawn(() => sleep(1));
}));
