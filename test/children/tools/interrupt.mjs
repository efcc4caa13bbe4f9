// interrupt.mjs: coroutines that wait and coroutines that never do; SIGINT is heard all the same. Exit code 3.
import { sleep, spawn, yieldNow } from 'stackful';

for (let i = 0; i < 50; i++) spawn(() => sleep(1e6));
spawn(() => { for (;;) yieldNow(); });
process.on('SIGINT', () => {
  console.log('heard');
  process.exit(3);
});
spawn(() => (sleep(5), process.kill(process.pid, 'SIGINT')));
