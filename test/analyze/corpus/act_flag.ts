import { sleep, spawn } from 'stackful';

let started = false;
const start = (): void => {
  if (!started) {
    sleep(5);
    started = true; // expect: check-then-act
  }
};
spawn(start);
spawn(start);
