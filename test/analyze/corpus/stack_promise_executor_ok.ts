import { sleep, spawn } from 'stackful';

export const late = spawn(() => sleep(10)).promise;
