import { sleep } from 'stackful';

const sorted = [3, 1, 2].sort((a, b) => { // expect: wrong-stack
  sleep(1);
  return a - b;
});
console.log(sorted);
