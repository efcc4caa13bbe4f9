import { spawn, wait } from 'stackful';

let total = 0;
const add = (url: string): void => {
  const { status } = wait(fetch(url));
  total += status;
};
for (const url of ['http://127.0.0.1/', 'http://127.0.0.2/']) spawn(() => add(url));
