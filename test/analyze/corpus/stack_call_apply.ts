import { sleep } from 'stackful';

function pause(this: { ms: number }): void { sleep(this.ms); }
pause.call({ ms: 1 }); // expect: wrong-stack
