import { wait } from 'stackful';

void fetch('http://127.0.0.1/').then((response) => {
  console.log(wait(response.text())); // expect: wrong-stack
});
