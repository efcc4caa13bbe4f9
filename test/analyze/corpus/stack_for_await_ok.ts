import { spawn, waitEach } from 'stackful';
import { appendFile } from 'stackful/fs';

function log(lines: AsyncIterable<string>): void {
  for (const line of waitEach(lines)) appendFile('log.txt', line);
}
export const start = (lines: AsyncIterable<string>) => spawn(() => log(lines));
