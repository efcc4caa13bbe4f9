import { sleep, spawn } from 'stackful';

const count = (): number => {
  let n = 0;
  for (let i = 0; i < 3; i++) {
    const before = n;
    sleep(1);
    n = before + 1;
  }
  return n;
};
spawn(count);
spawn(count);
