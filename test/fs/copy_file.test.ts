import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { spawn } from 'stackful';
import { copyFile, exists, readFile, stat, writeFile } from 'stackful/fs';

import { temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory, ...names);

it('waits for no other end of a FIFO', async () => {
  execFileSync('mkfifo', [at('fifo')]);
  await spawn(() => {
    copyFile(at('fifo'), at('copied'));
    expect(stat(at('copied')).size).toBe(0);
    expect(thrown(() => { copyFile(at('copied'), at('fifo')); }).code).toBe('ENXIO');
    writeFile(at('large'), Buffer.alloc(3_000_000, 'large'));
    copyFile(at('large'), at('copied'));
    expect(readFile(at('copied')).equals(fs.readFileSync(at('large')))).toBe(true);
  });
});

it('writes to a FIFO for as long as its reader takes', async () => {
  execFileSync('mkfifo', [at('narrow')]);
  const content = Buffer.alloc(1_000_000, 'narrow pipe');
  fs.writeFileSync(at('wide'), content);
  const reader = fs.openSync(at('narrow'), fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const copying = spawn(() => { copyFile(at('wide'), at('narrow')); });
  const pieces: Buffer[] = [];
  for (let size = 0; size < content.length;) {
    const piece = Buffer.alloc(10_000);
    let count = 0;
    try {
      count = fs.readSync(reader, piece);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
    }
    pieces.push(piece.subarray(0, count));
    size += count;
    if (count === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // It ends too early only when it fails.
    if (copying.state === 'done') await copying;
  }
  await copying;
  fs.closeSync(reader);
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  expect(fs.lstatSync(at('narrow')).isFIFO()).toBe(true);
});

it('removes, when it fails, only what it has made', async () => {
  fs.mkdirSync(at('no-file'), { recursive: true });
  fs.writeFileSync(at('source'), 'new');
  fs.writeFileSync(at('kept'), 'content that was there before');
  await spawn(() => {
    expect(thrown(() => { copyFile(at('no-file'), at('kept')); })).toMatchObject({ code: 'EISDIR', syscall: 'copyfile' });
    expect(thrown(() => { copyFile(at('no-file'), at('unmade')); }).code).toBe('EISDIR');
    try {
      copyFile(at('source'), at('kept'), fs.constants.COPYFILE_FICLONE_FORCE);
      expect(fs.readFileSync(at('kept'), 'utf8')).toBe('new');
    } catch (error) {
      // Most file systems share no blocks.
      expect((error as NodeJS.ErrnoException).code).toBe('ENOTSUP');
      expect(fs.readFileSync(at('kept'), 'utf8')).toBe('content that was there before');
      expect(thrown(() => { copyFile(at('source'), at('unmade'), fs.constants.COPYFILE_FICLONE_FORCE); }).code).toBe('ENOTSUP');
    }
    expect(exists(at('unmade'))).toBe(false);
    // A device, to which the kernel copies nothing by itself, and which is full.
    fs.symlinkSync('/dev/full', at('full'));
    expect(thrown(() => { copyFile(at('source'), at('full')); }).code).toBe('ENOSPC');
    expect(fs.lstatSync(at('full')).isSymbolicLink()).toBe(true);
  });
});
