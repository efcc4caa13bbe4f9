import fs from 'node:fs';
import { spawn, waitCallback } from 'stackful';

spawn(() => {
  const data = waitCallback<Buffer>((done) => fs.readFile('settings.json', done));
  console.log(data);
});
