import fs from 'node:fs';
import { sleep } from 'stackful';

fs.readFile('settings.json', (error, data) => {
  sleep(1); // expect: wrong-stack
  console.log(error, data);
});
