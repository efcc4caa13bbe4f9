import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { open, readFile } from 'stackful/fs';

import { untilParked } from '../support/parked.js';
import { outcome, temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();

/** A FIFO with both its ends, which is never at its end. */
function pipe(name: string, flags: string | number = 'r+') {
  const path = join(directory, name);
  execFileSync('mkfifo', [path]);
  return { path, both: open(path, flags) };
}

/** For a pool thread to have begun what a coroutine is parked in: otherwise it is withdrawn. */
const untilBegun = () => { sleep(5); };

describe('a read from a pipe', () => {
  it('that is ended early takes nothing of what comes later', async () => {
    await spawn(() => {
      const { path, both } = pipe('later');
      const buffer = Buffer.alloc(10);
      const reads: (() => unknown)[] = [() => both.read(buffer), () => both.readFile(), () => readFile(path)];
      for (const read of reads) {
        const reader = spawn(() => thrown(read));
        untilParked(reader);
        untilBegun();
        reader.cancel();
        expect(reader.join().code).toBe('ERR_CANCELLED');
        expect(thrown(() => timeout(5, read)).code).toBe('ERR_TIMEOUT');
        both.write('for another');
        expect(both.read(buffer)).toBe(10);
        expect(both.read(buffer)).toBe(1);
      }
      both.close();
    });
  });

  it('waits also if the descriptor does not block', async () => {
    await spawn(() => {
      using both = pipe('does-not-block', constants.O_RDWR | constants.O_NONBLOCK).both;
      const buffer = Buffer.alloc(1 << 20, 'x');
      const reader = spawn(() => both.read(buffer));
      untilParked(reader);
      both.write('pipe');
      expect(reader.join()).toBe(4);
      const writer = spawn(() => both.write(buffer));
      let count = 0;
      while (count < buffer.length) count += both.read(buffer);
      expect([count, writer.join()]).toEqual([buffer.length, buffer.length]);
    });
  });
});

it('a write to a full pipe that is ended early says how much it has written', async () => {
  await spawn(() => {
    using both = pipe('full').both;
    const buffer = Buffer.alloc(1 << 20);
    const written = [0, 0].map(() => {
      const writer = spawn(() => outcome(() => both.write(buffer)));
      untilParked(writer);
      untilBegun();
      writer.cancel();
      return writer.join();
    });
    expect(written).toEqual([{ value: both.read(buffer) }, expect.objectContaining({ code: 'ERR_CANCELLED' })]);
  });
});
