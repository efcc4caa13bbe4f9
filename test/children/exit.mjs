// exit.mjs WHERE: ends the process with code 7 from some place while other coroutines are parked in several ways.
import { sleep, spawn, wait, yieldNow } from 'stackful';

const where = process.argv[2];
if (where !== "quietly") for (let i = 0; i < 200; i++) spawn(() => sleep(1e6));
for (let i = 0; i < 200; i++) spawn(() => wait(new Promise(() => {})));
const busy = spawn(() => {
  for (;;) yieldNow();
});

const deep = (n) => (n === 0 ? process.exit(7) : [n].map((k) => deep(k - 1)));
switch (where) {
  case 'coroutine':
    spawn(() => (sleep(5), deep(20)));
    break;
  case 'main':
    setTimeout(() => process.exit(7), 5);
    break;
  case 'promise':
    spawn(() => (sleep(5), wait(Promise.resolve().then(() => process.exit(7)))));
    break;
  case 'exit-listener':
    process.on('exit', () => {
      process.exitCode = 7;
    });
    spawn(() => (sleep(5), process.exit()));
    break;
  case 'parking-listener': {
    // Like a call on the main stack it ends with an error, and the process with its code, though its caller catches everything.
    const order = [];
    process.on('exit', () => {
      order.push('first');
    });
    process.on('exit', () => {
      try {
        sleep(1);
      } catch (error) {
        console.log(order.join(), error.code, error.message);
      }
      sleep(1);
    });
    spawn(() => {
      sleep(5);
      try {
        process.exit(7);
      } catch {
        console.log('must not be caught');
      }
    });
    break;
  }
  case 'uncaught':
    process.on('uncaughtException', () => process.exit(7));
    setTimeout(() => {
      throw new Error('uncaught');
    }, 5);
    break;
  case 'unhandled':
    process.on('unhandledRejection', (error) => process.exit(error.message === 'not joined' ? 7 : 1));
    spawn(() => {
      sleep(5);
      throw new Error('not joined');
    });
    break;
  case 'quietly': {
    // Nothing that could wake them is left: as with promises that never settle, the process ends by itself.
    busy.cancel();
    break;
  }
}
