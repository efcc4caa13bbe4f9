import fs from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { spawn, stats } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

import { temporaryDirectory } from '../fs/support.js';

beforeAll(() => { patch({ fs: true }); });
afterAll(() => { unpatch(); });

const directory = temporaryDirectory();
const open = (path: string) => fs.readdirSync('/proc/self/fd').filter((fd) => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
  } catch {
    return false;
  }
});

it('a cancellation, whenever it comes, loses no descriptor that a finally block closes', async () => {
  const file = `${directory}/file`;
  for (let turns = 0; turns < 40; turns++) {
    const work = [
      spawn(() => {
        const fd = fs.openSync(file, 'w');
        try { fs.writeSync(fd, 'abc'); fs.fsyncSync(fd); } finally { fs.closeSync(fd); }
      }),
      spawn(() => {
        const fd = fs.openSync(file, 'r');
        try { work[2]!.cancel(); work[1]!.cancel(); } finally { fs.closeSync(fd); }
      }),
      spawn(() => {
        const dir = fs.opendirSync(directory);
        try { while (dir.readSync()); } finally { dir.closeSync(); }
      }),
    ];
    for (let i = 0; i < turns % 10; i++) await new Promise(setImmediate);
    for (const one of work) one.cancel();
    await Promise.allSettled(work.map((one) => one.promise));
  }
  // Files that Node's threads open after all, perhaps only now, are closed then.
  const busy = () => process.getActiveResourcesInfo().includes('FSReqCallback') || stats().diskJobs > 0;
  for (let i = 0; i < 1000 && busy(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(open(directory)).toEqual([]);
});
