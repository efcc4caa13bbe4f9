import { atomic, spawn } from 'stackful';

let total = 0;
spawn(() => atomic(() => {
  total += 1;
}));
