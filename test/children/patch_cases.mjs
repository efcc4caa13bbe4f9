// The cases of test/patch/patch.test.ts that need a process of their own.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs, { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { spawn } from 'stackful';
import { patch, patched, unpatch } from 'stackful/patch/api';

const MARK = Symbol.for('stackful.patched');
const require = createRequire(import.meta.url);
const codeOf = (fn) => {
  try {
    return String(fn());
  } catch (error) {
    return error.code;
  }
};

const cases = {
  named() {
    patch();
    const during = MARK in statSync;
    unpatch();
    console.log(during, MARK in statSync);
  },

  all() {
    const { patched: names, left } = patch();
    const sync = [fs, crypto, zlib].flatMap((module) => Object.keys(module).filter((name) => name.endsWith('Sync') && !name.startsWith('_') && typeof module[name] === 'function'));
    const missing = sync.filter((name) => !names.some((one) => one.endsWith(`.${name}`)) && name !== 'createZipArchiveSync');
    console.log(JSON.stringify({ names, left, missing }));
  },

  async 'graceful-before'() {
    require('graceful-fs').gracefulify(fs);
    patch();
    await useFiles();
  },

  async 'graceful-after'() {
    patch();
    require('graceful-fs').gracefulify(fs);
    await useFiles();
    unpatch();
  },

  frozen() {
    Object.freeze(fs);
    console.log(codeOf(() => patch()), patched().length);
  },

  async 'frozen-later'() {
    patch({ fs: true });
    Object.freeze(fs);
    const code = codeOf(unpatch);
    console.log(code, patched().length, await spawn(() => { const fd = fs.openSync(import.meta.filename); fs.closeSync(fd); return 'text'; }));
  },

  intrinsics() {
    const code = codeOf(() => patch());
    const before = patched().length;
    patch({ atomics: false });
    console.log(Object.isFrozen(Atomics) === (code === 'ERR_CANNOT_PATCH'), Object.isFrozen(Atomics) === (before === 0), patched().length > 50);
  },

  async permission() {
    const { patched: names } = patch();
    const [write, run] = await spawn(() => [
      codeOf(() => fs.writeFileSync('/tmp/no-permission', '')),
      codeOf(() => require('node:child_process').execFileSync('true')),
    ]);
    console.log(write, run, [...new Set(names.map((name) => name.split('.')[0]))].join());
  },

  async modules(directory) {
    patch();
    fs.writeFileSync(`${directory}/slow.cjs`, "const { readFileSync } = require('node:fs'); readFileSync(__filename); exports.a = 1; readFileSync('/etc/passwd'); exports.all = 'whole';");
    fs.writeFileSync(`${directory}/one.mjs`, 'export const token = {};');
    fs.writeFileSync(`${directory}/shared.mjs`, 'export const token = {};');
    for (const name of ['first', 'second']) fs.writeFileSync(`${directory}/${name}.mjs`, "export { token } from './shared.mjs';");
    // The kernel forgets them: a read that may park does.
    for (const name of ['one', 'shared', 'first', 'second']) {
      execFileSync('dd', [`of=${directory}/${name}.mjs`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
    }
    const all = await Promise.all([1, 2, 3].map(() => spawn(() => require(`${directory}/slow.cjs`).all)));
    const [first, second] = await Promise.all([1, 2].map(() => spawn(() => import(`${directory}/one.mjs`).then(({ token }) => token)).then((token) => token)));
    const [third, fourth] = await Promise.all(['first', 'second'].map((name) => spawn(() => require(`${directory}/${name}.mjs`).token)));
    console.log(...all, first === second, third === fourth);
  },
};

async function useFiles() {
  const path = `${process.env.TMPDIR ?? '/tmp'}/stackful-graceful-${process.pid}`;
  const text = await spawn(() => {
    const fd = fs.openSync(path, 'w+');
    fs.writeSync(fd, 'text');
    const buffer = Buffer.alloc(4);
    fs.readSync(fd, buffer, 0, 4, 0);
    fs.closeSync(fd);
    fs.unlinkSync(path);
    return String(buffer);
  });
  console.log(text);
}

await cases[process.argv[2]](...process.argv.slice(3));
