import { sleep, spawn } from 'stackful';

let last = '';
const note = (text: string): void => {
  if (last === text) return;
  last = text;
  sleep(1);
  console.log(text);
};
for (const text of ['a', 'b']) spawn(() => note(text));
