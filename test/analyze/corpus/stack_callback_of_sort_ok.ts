import { sleep, spawn } from 'stackful';

const sorted = await spawn(() => [3, 1, 2].sort((a, b) => {
  sleep(1);
  return a - b;
}));
console.log(sorted);
