import { sleep } from 'stackful';

function tick(): void {
  sleep(5);
}
setInterval(tick, 1000); // expect: wrong-stack
