import { Channel, spawn } from 'stackful';

const jobs = new Channel<number>(4);
spawn(() => {
  for (const job of jobs) console.log(job);
});
