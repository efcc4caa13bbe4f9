import { yieldNow } from 'stackful';

queueMicrotask(() => {
  yieldNow(); // expect: wrong-stack
});
