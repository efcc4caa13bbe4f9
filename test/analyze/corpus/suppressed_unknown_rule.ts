import { sleep, spawn } from 'stackful';

// stackful-analyze-ignore slow-call: no such rule // expect: suppression
spawn(() => sleep(10));
