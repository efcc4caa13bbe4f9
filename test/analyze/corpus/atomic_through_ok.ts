import { atomic, spawn } from 'stackful';
import { appendFile } from 'stackful/fs';

const lines: string[] = [];
const log = (line: string): void => { lines.push(line); };
spawn(() => {
  atomic(() => log('changed'));
  appendFile('log.txt', lines.join());
});
