import { sleep } from 'stackful';

process.on('SIGHUP', () => {
  sleep(1); // expect: wrong-stack
});
