import { Channel } from 'stackful';

const jobs = new Channel<number>(4);
for (const job of jobs) console.log(job); // expect: wrong-stack
