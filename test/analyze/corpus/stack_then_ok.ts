import { spawn, wait } from 'stackful';

spawn(() => {
  const response = wait(fetch('http://127.0.0.1/'));
  console.log(wait(response.text()));
});
