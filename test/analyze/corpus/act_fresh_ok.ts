import { sleep, spawn } from 'stackful';

let counter = 0;
const increase = (): void => {
  sleep(1);
  counter = counter + 1;
  sleep(1);
  counter++;
};
spawn(increase);
spawn(increase);
