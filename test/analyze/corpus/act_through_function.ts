import { sleep, spawn } from 'stackful';

let limit = 3;
function ask(): void {
  check();
}
function check(): void {
  sleep(1);
}
const take = (): void => {
  if (limit <= 0) return;
  ask();
  limit--; // expect: check-then-act
};
spawn(take);
spawn(take);
