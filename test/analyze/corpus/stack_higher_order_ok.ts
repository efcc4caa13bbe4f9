import { sleep, spawn } from 'stackful';

function twice(fn: () => void): void {
  fn();
  fn();
}
twice(() => console.log('quick'));
spawn(() => twice(() => sleep(1)));
