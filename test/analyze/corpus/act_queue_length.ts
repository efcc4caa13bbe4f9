import { sleep, spawn } from 'stackful';

const queue: string[] = ['a'];
const take = (): string | undefined => {
  if (queue.length > 0) {
    sleep(1);
    return queue.shift(); // expect: check-then-act
  }
  return undefined;
};
spawn(take);
spawn(take);
