import { sleep, spawn } from 'stackful';

/** @param {number} ms */
function pause(ms) {
  sleep(ms);
}
spawn(() => pause(10));
