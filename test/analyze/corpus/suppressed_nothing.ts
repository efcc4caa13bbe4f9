import { sleep, spawn } from 'stackful';

// stackful-analyze-ignore wrong-stack: it was here once // expect: suppression
spawn(() => sleep(10));
