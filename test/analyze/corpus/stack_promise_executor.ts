import { sleep } from 'stackful';

export const late = new Promise<void>((resolve) => { // expect: wrong-stack
  sleep(10);
  resolve();
});
