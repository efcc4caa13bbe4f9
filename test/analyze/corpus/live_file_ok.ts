import { spawn, wait } from 'stackful';
import { readFile } from 'stackful/fs';

export const send = (path: string, url: string) => spawn(() => {
  const { length } = readFile(path);
  const answer = wait(fetch(url));
  return answer.ok ? length : 0;
});
