import { sleep } from 'stackful';

// stackful-analyze-ignore wrong-stack  // expect: suppression
sleep(10); // expect: wrong-stack
