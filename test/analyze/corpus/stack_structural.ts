import { sleep } from 'stackful';

interface Job {
  run(): void;
}
const job = { run(): void { sleep(1); } };
function start(one: Job): void {
  one.run();
}
start(job); // expect: wrong-stack
