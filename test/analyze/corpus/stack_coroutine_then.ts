import { sleep, spawn } from 'stackful';

void spawn(() => 1).then((n) => {
  sleep(n); // expect: wrong-stack
});
