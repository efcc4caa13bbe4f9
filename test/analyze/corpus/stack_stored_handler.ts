import { sleep } from 'stackful';

const handlers: (() => void)[] = [];
handlers.push(() => sleep(1));
for (const handler of handlers) handler(); // expect: wrong-stack
