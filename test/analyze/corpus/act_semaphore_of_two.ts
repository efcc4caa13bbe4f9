import { Semaphore, sleep, spawn } from 'stackful';

let limit = 3;
const turn = new Semaphore(2);
const take = (): void => turn.withPermit(() => {
  if (limit <= 0) return;
  sleep(1);
  limit--; // expect: check-then-act
});
spawn(take);
spawn(take);
