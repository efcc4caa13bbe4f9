import { every, spawn } from 'stackful';

const beats = every(100);
spawn(() => {
  for (const beat of beats) console.log(beat);
});
