import { spawn, waitSignal } from 'stackful';

spawn(() => {
  for (;;) console.log(waitSignal('SIGHUP'));
});
