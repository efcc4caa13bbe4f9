import { sleep } from 'stackful';

/** @param {number} ms */
function pause(ms) {
  sleep(ms);
}
pause(10); // expect: wrong-stack
