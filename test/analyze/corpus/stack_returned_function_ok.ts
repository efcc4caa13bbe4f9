import { sleep, spawn } from 'stackful';

const pauser = (ms: number) => () => sleep(ms);
const pause = pauser(5);
spawn(pause);
