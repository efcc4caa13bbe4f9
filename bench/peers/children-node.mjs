// children-node.mjs PROGRAMS AT_A_TIME: the same with the promisified execFile of node:child_process.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { measureChildren } from '../support/children.mjs';

const run = promisify(execFile);
await measureChildren('node', async (count) => {
  for (let i = 0; i < count; i++) await run('true');
});
