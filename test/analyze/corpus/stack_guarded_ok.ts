import { current, sleep } from 'stackful';

setTimeout(() => {
  if (current()) sleep(5);
}, 100);
