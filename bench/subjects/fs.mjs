// fs.mjs TIMES SUBJECTS: what calls on files cost, the same calls by stackful, by node:fs's sync forms, and by its promises.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'stackful';
import * as stackful from 'stackful/fs';

const times = Number(process.argv[2]);
const subjects = process.argv[3].split(',');
// A file system with a page cache: /tmp may lie in memory, where nothing can be evicted.
const directory = fs.mkdtempSync(join(process.env.BENCH_DIRECTORY ?? tmpdir(), 'stackful-bench-'));
const at = (name) => join(directory, name);

fs.writeFileSync(at('small'), Buffer.alloc(8 << 10, 'x'));
fs.writeFileSync(at('large'), Buffer.alloc(1 << 20, 'x'));
const COLD = 64 << 20;
fs.writeFileSync(at('cold'), Buffer.alloc(COLD, 'x'));
fs.mkdirSync(at('list'));
for (let i = 0; i < 100; i++) fs.writeFileSync(at(join('list', `entry-${i}`)), '');
const data = Buffer.alloc(8 << 10, 'y');

/** Each call with how much of TIMES it is made. */
const calls = {
  stat: [1, (api) => api.stat(at('small'))],
  exists: [1, (api) => api.exists(at('small'))],
  readFile_8k: [1 / 2, (api) => api.readFile(at('small'))],
  readFile_1m: [1 / 50, (api) => api.readFile(at('large'))],
  readdir_100: [1 / 5, (api) => api.readdir(at('list'))],
  writeFile_8k: [1 / 10, (api) => api.writeFile(at('written'), data)],
};
const sync = { ...fs };
for (const name of ['stat', 'exists', 'readFile', 'readdir', 'writeFile']) sync[name] = fs[`${name}Sync`];
// What takes the place of exists there.
const promises = { ...fs.promises, exists: fs.promises.access };

const runners = {
  stackful: (count, call) => spawn(() => { for (let i = 0; i < count; i++) call(stackful); }),
  sync: (count, call) => { for (let i = 0; i < count; i++) call(sync); },
  promises: async (count, call) => { for (let i = 0; i < count; i++) await call(promises); },
};

/** Makes the next reads of a file wait for the disk. */
function evict(name) {
  const fd = fs.openSync(at(name), 'r');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  execFileSync('dd', [`if=${at(name)}`, 'iflag=nocache', 'count=0', 'status=none']);
}

const DEPTH = 64;
const READS = 4000;
const place = (i) => ((i * 7919) % (COLD / 4096)) * 4096;
const coldRunners = {
  async stackful() {
    await spawn(() => {
      const file = stackful.open(at('cold'));
      let next = 0;
      const readers = Array.from({ length: DEPTH }, () => spawn(() => {
        const buffer = Buffer.alloc(4096);
        while (next < READS) file.read(buffer, { position: place(next++) });
      }));
      for (const c of readers) c.join();
      file.close();
    });
  },
  async promises() {
    const file = await fs.promises.open(at('cold'));
    let next = 0;
    await Promise.all(Array.from({ length: DEPTH }, async () => {
      const buffer = Buffer.alloc(4096);
      while (next < READS) await file.read(buffer, { position: place(next++) });
    }));
    await file.close();
  },
};

const samples = [];
async function record(subject, metric, count, run) {
  const before = process.cpuUsage();
  const began = performance.now();
  await run();
  const wall = (performance.now() - began) * 1e3;
  const { user, system } = process.cpuUsage(before);
  samples.push({ subject, metric: `${metric}_us`, value: wall / count, unit: 'us' });
  samples.push({ subject, metric: `${metric}_cpu_us`, value: (user + system) / count, unit: 'us' });
}

try {
  for (const [name, [share, call]] of Object.entries(calls)) {
    const count = Math.ceil(times * share);
    for (const subject of subjects) await runners[subject](Math.ceil(count / 10), call);
    for (const subject of subjects) await record(subject, name, count, () => runners[subject](count, call));
  }
  for (const subject of subjects.filter((name) => name in coldRunners)) {
    evict('cold');
    await record(subject, 'read_uncached_4k', READS, coldRunners[subject]);
  }
} finally {
  fs.rmSync(directory, { recursive: true });
}
console.log(JSON.stringify(samples));
