import { spawn } from 'stackful';

spawn(() => {
  fetch('http://127.0.0.1/').then((response) => console.log(response.status)); // expect: lost-promise
});
