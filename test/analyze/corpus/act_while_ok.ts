import { sleep, spawn } from 'stackful';

let busy = false;
const enter = (): void => {
  while (busy) sleep(1);
  busy = true;
  sleep(5);
  busy = false;
};
spawn(enter);
spawn(enter);
