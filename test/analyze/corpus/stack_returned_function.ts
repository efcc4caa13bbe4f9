import { sleep } from 'stackful';

const pauser = (ms: number) => () => sleep(ms);
const pause = pauser(5);
pause(); // expect: wrong-stack
