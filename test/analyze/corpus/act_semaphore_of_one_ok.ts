import { Semaphore, sleep, spawn } from 'stackful';

let limit = 3;
const turn = new Semaphore(1);
const take = (): void => turn.withPermit(() => {
  if (limit <= 0) return;
  sleep(1);
  limit--;
});
spawn(take);
spawn(take);
