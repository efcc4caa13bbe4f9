import { sleep, spawn, wait } from 'stackful';

async function load(): Promise<number> {
  sleep(5);
  return (await fetch('http://127.0.0.1/')).status;
}
spawn(() => wait(load()));
