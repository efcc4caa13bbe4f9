import { sleep, spawn } from 'stackful';

spawn(() => {
  spawn(() => sleep(1));
});
