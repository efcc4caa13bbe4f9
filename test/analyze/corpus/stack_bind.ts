import { sleep } from 'stackful';

class Timer {
  fire(): void { sleep(1); }
}
const timer = new Timer();
setTimeout(timer.fire.bind(timer), 10); // expect: wrong-stack
