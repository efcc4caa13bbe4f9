import { sleep, spawn } from 'stackful';

export function count(): void {
  let sum = 0;
  for (let i = 0; i < 3; i++) {
    spawn(() => {
      const before = sum;
      sleep(1);
      sum = before + i; // expect: check-then-act
    });
  }
}
