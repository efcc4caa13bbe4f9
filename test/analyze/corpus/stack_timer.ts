import { sleep } from 'stackful';

setTimeout(() => {
  sleep(5); // expect: wrong-stack
}, 100);
