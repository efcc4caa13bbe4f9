import { sleep, spawn } from 'stackful';

let started = false;
const start = (): void => {
  if (started) return;
  started = true;
  sleep(5);
};
spawn(start);
spawn(start);
