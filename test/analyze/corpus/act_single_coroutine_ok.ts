import { sleep, spawn } from 'stackful';

let position = 0;
spawn(() => {
  for (let i = 0; i < 3; i++) {
    const before = position;
    sleep(1);
    position = before + 1;
  }
}, { name: 'the only one' });
