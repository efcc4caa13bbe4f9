import { sleep } from 'stackful';

console.log('starting');
sleep(10); // expect: wrong-stack
