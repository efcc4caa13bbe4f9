import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve } from 'stackful/http';
import { listen } from 'stackful/net';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'stackful-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });

/** Listens there, and returns a function that closes the listener. */
const listeners: Record<string, (path: string) => () => Promise<unknown> | void> = {
  'serve()': (path) => {
    const server = serve(() => 'x', { path });
    return () => Promise.resolve(server.close());
  },
  'listen()': (path) => {
    const listener = listen({ path });
    return () => { listener.close(); };
  },
};

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => { socket.destroy(); resolve(true); });
    socket.on('error', () => { resolve(false); });
  });

describe.each(Object.entries(listeners))('the file of a Unix socket of %s', (_name, start) => {
  it('is removed when it is closed', async () => {
    const path = join(directory, 'socket');
    const close = start(path);
    expect(existsSync(path)).toBe(true);
    await close();
    expect(existsSync(path)).toBe(false);
  });

  it('stays when it is another server\'s by then', async () => {
    const path = join(directory, 'socket');
    const close = start(path);
    unlinkSync(path);
    const closeOther = start(path);
    await close();
    expect(await answers(path)).toBe(true);
    await closeOther();
    expect(existsSync(path)).toBe(false);
  });

  it('stays when another has been moved there', async () => {
    const path = join(directory, 'socket');
    const close = start(path);
    const closeOther = start(`${path}.new`);
    renameSync(`${path}.new`, path);
    await close();
    expect(await answers(path)).toBe(true);
    await closeOther();
  });

  it('stays when it is no socket by then', async () => {
    const path = join(directory, 'socket');
    const close = start(path);
    unlinkSync(path);
    writeFileSync(path, 'precious');
    await close();
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('may have gone', async () => {
    const path = join(directory, 'socket');
    const close = start(path);
    unlinkSync(path);
    await close();
  });

  it.skipIf(!isMainThread)('is that of the directory it was made in (skipped in a worker, which cannot change it)', async () => {
    const before = process.cwd();
    const other = join(directory, 'other');
    mkdirSync(other);
    try {
      process.chdir(directory);
      const close = start('socket');
      process.chdir(other);
      const closeOther = start('socket');
      await close();
      expect(existsSync(join(directory, 'socket'))).toBe(false);
      expect(existsSync(join(other, 'socket'))).toBe(true);
      await closeOther();
      expect(existsSync(join(other, 'socket'))).toBe(false);
    } finally {
      process.chdir(before);
    }
  });
});
