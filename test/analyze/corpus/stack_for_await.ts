import { spawn, wait } from 'stackful';
import { appendFile } from 'stackful/fs';

async function log(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) {
    appendFile('log.txt', line); // expect: wrong-stack
  }
}
export const start = (lines: AsyncIterable<string>) => spawn(() => wait(log(lines)));
