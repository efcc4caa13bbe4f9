import { spawn, wait } from 'stackful';

let total = 0;
const add = (url: string): void => {
  total += wait(fetch(url)).status; // expect: check-then-act
};
for (const url of ['http://127.0.0.1/', 'http://127.0.0.2/']) spawn(() => add(url));
