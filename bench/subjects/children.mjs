// children.mjs PROGRAMS COROUTINES: runs `true` in coroutines.
import { spawn } from 'stackful';
import { execFile } from 'stackful/child_process';
import { measureChildren } from '../support/children.mjs';

await measureChildren('stackful', (count) => spawn(() => {
  for (let i = 0; i < count; i++) execFile('true');
}).promise);
