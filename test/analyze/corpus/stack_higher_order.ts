import { sleep } from 'stackful';

function twice(fn: () => void): void {
  fn();
  fn();
}
twice(() => sleep(1)); // expect: wrong-stack
