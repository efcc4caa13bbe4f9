import { sleep, spawn } from 'stackful';

let counter = 0;
const increase = (): void => {
  const before = counter;
  sleep(1);
  counter = before + 1; // expect: check-then-act
};
spawn(increase);
spawn(increase);
