import { sleep } from 'stackful';

function* slowly(): Generator<number> {
  for (let n = 0; n < 3; n++) {
    sleep(1);
    yield n;
  }
}
console.log([...slowly()]); // expect: wrong-stack
