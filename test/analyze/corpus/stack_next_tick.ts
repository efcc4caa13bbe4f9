import { Mutex } from 'stackful';

const mutex = new Mutex();
process.nextTick(() => {
  mutex.withLock(() => console.log('locked')); // expect: wrong-stack
});
