import { sleep, spawn, wait } from 'stackful';

function load(): number {
  const response = wait(fetch('http://127.0.0.1/'));
  sleep(5);
  return response.status;
}
spawn(load);
