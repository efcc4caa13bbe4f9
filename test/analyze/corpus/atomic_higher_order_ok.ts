import { atomic, sleep, spawn } from 'stackful';

const twice = (fn: () => void): void => { fn(); fn(); };
let n = 0;
spawn(() => {
  atomic(() => twice(() => { n++; }));
  twice(() => sleep(n));
});
