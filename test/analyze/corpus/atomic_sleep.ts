import { atomic, sleep, spawn } from 'stackful';

spawn(() => atomic(() => {
  sleep(1); // expect: atomic-parks
}));
