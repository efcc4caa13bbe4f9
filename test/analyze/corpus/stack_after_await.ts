import { sleep, spawn, wait } from 'stackful';

async function load(): Promise<number> {
  const response = await fetch('http://127.0.0.1/');
  sleep(5); // expect: wrong-stack
  return response.status;
}
spawn(() => wait(load()));
