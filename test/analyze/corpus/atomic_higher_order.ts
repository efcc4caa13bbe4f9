import { atomic, sleep, spawn } from 'stackful';

const twice = (fn: () => void): void => { fn(); fn(); };
spawn(() => {
  atomic(() => {
    twice(() => sleep(1)); // expect: atomic-parks
  });
});
