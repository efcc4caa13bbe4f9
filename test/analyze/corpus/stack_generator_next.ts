import { sleep } from 'stackful';

function* slowly(): Generator<number> {
  sleep(1);
  yield 1;
}
const numbers = slowly();
console.log(numbers.next()); // expect: wrong-stack
