import { execFileSync, spawn as start } from 'node:child_process';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';

import { spawn, timeout } from 'stackful';
import { readFile } from 'stackful/fs';

it('loses nothing of a writer that was waiting for a reader of its FIFO', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stackful-fifo-'));
  try {
    for (let i = 0; i < 5; i++) {
      const fifo = join(folder, String(i));
      execFileSync('mkfifo', [fifo]);
      start('sh', ['-c', `echo piped > '${fifo}'`], { stdio: 'ignore' });
      await delay(15); // the writer is most likely waiting by now; if not, nothing is tested but nothing fails
      expect(await spawn(() => readFile(fifo, 'utf8'))).toBe('piped\n');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('a FIFO that has taken the place of a file which was read a moment ago', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stackful-fifo-'));
  afterAll(() => { rmSync(folder, { recursive: true }); });
  let made = 0;

  /** The path of one, with what `writer` has begun before it is read for the first time. */
  async function replaced(writer: (path: string) => void): Promise<string> {
    const path = join(folder, String(made++));
    writeFileSync(path, 'a file');
    expect(await spawn(() => [readFile(path, 'utf8'), readFile(path, 'utf8')])).toEqual(['a file', 'a file']);
    unlinkSync(path);
    execFileSync('mkfifo', [path]);
    writer(path);
    return path;
  }

  it('is read to its end, whether its writer was there before or comes later', async () => {
    const waiting = await replaced((path) => { start('sh', ['-c', `echo piped > '${path}'`], { stdio: 'ignore' }); });
    await delay(15);
    expect(await spawn(() => readFile(waiting, 'utf8'))).toBe('piped\n');

    const later = await replaced(() => undefined);
    const read = spawn(() => readFile(later, 'utf8'));
    start('sh', ['-c', `sleep 0.05; (echo one; sleep 0.05; echo two) > '${later}'`], { stdio: 'ignore' });
    expect(await read).toBe('one\ntwo\n');
  });

  it('can be given up while nobody writes', async () => {
    const path = await replaced(() => undefined);
    const error = await spawn(() => timeout(30, () => readFile(path))).then(() => undefined, (e: unknown) => e);
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
  });
});
