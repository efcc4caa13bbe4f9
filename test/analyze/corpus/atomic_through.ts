import { atomic, spawn } from 'stackful';
import { appendFile } from 'stackful/fs';

const log = (line: string): void => appendFile('log.txt', line);
spawn(() => atomic(() => {
  log('changed'); // expect: atomic-parks
}));
