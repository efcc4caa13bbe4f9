import { Semaphore, spawn } from 'stackful';
import { readFile } from 'stackful/fs';

const files = new Semaphore(4);
export const load = (path: string) => spawn(() => {
  files.acquire(); // expect: lock-leak
  const text = readFile(path, 'utf8');
  files.release();
  return text;
});
