import { sleep } from 'stackful';

/** No coroutine loses this promise: a timer's callback runs on the main stack. */
setTimeout(() => {
  Promise.resolve().then(() => 1);
  sleep(1); // expect: wrong-stack
}, 5);
