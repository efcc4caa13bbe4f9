import { sleep, spawn } from 'stackful';

function* slowly(): Generator<number> {
  for (let n = 0; n < 3; n++) {
    sleep(1);
    yield n;
  }
}
const numbers = slowly();
spawn(() => console.log([...numbers]));
