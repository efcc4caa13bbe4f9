import { sleep, spawn } from 'stackful';

function tick(): void {
  spawn(() => sleep(5));
}
setInterval(tick, 1000);
