import { sleep, spawn } from 'stackful';

function times(n: number, fn: () => void): void {
  Array.from({ length: n }).forEach(() => fn());
}
function twice(fn: () => void): void {
  times(2, fn);
}
twice(() => console.log('quick'));
spawn(() => twice(() => sleep(1)));
