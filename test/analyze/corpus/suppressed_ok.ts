import { sleep } from 'stackful';

// stackful-analyze-ignore wrong-stack: the loader that runs this file does so in a coroutine
sleep(10);
setTimeout(() => {
  sleep(5); // stackful-analyze-ignore wrong-stack: it is replaced in tests
}, 1);
