import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { current, spawn, timeout, yieldNow, type Coroutine } from 'stackful';
import { exists, open, readdir, writeFile } from 'stackful/fs';

import { runChild } from '../support/child.js';
import { temporaryDirectory } from './support.js';

const directory = temporaryDirectory();

/** Coroutines that open FIFOs without a writer: each keeps a thread of the pool. */
function openFifos(count: number): Coroutine[] {
  return Array.from({ length: count }, (_, i) => {
    const path = join(directory, `fifo-${String(i)}`);
    if (!fs.existsSync(path)) execFileSync('mkfifo', [path]);
    return spawn(() => { open(path).close(); });
  });
}

/** Lets the threads go that are in an open. */
function letGo(): void {
  for (const name of fs.readdirSync(directory)) {
    if (!name.startsWith('fifo-')) continue;
    try {
      fs.closeSync(fs.openSync(join(directory, name), fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
    } catch {
      // It was withdrawn before a thread had begun it.
    }
  }
}

it('threads that wait in FIFOs do not stop the file operations of the process', async () => {
  const waiting = openFifos(6);
  const path = join(directory, 'written');
  try {
    const names = await spawn(() => {
      writeFile(path, 'meanwhile');
      return readdir(directory);
    });
    expect(names).toContain('written');
  } finally {
    for (const c of waiting) c.cancel();
    letGo();
  }
});

it('cancelled and timed out before a thread has begun them, calls end at once', async () => {
  const waiting = openFifos(6);
  const path = join(directory, 'untouched');
  fs.writeFileSync(path, 'before');
  const file = await spawn(() => open(path, 'r+'));
  try {
    // All in one turn of the loop: no thread begins one of them before that turn ends.
    const calls = [
      () => { writeFile(path, 'after'); },
      () => { file.write('after'); },
      () => { file.sync(); },
      () => { readdir(directory); },
    ].map((call) => spawn(() => {
      const error = (() => {
        try {
          call();
        } catch (thrown) {
          return thrown;
        }
        return undefined;
      })();
      return error;
    }));
    const limited = spawn(() => timeout(0, () => { writeFile(path, 'after'); }, () => 'timed out'));
    const canceller = spawn(() => {
      for (const call of calls) call.cancel('enough');
      return current()!.id;
    });
    await canceller;
    for (const error of await Promise.all(calls)) {
      // A thread may have been quicker.
      if (error !== undefined) expect(error).toMatchObject({ code: 'ERR_CANCELLED', reason: 'enough' });
    }
    expect(['timed out', undefined]).toContain(await limited);
  } finally {
    for (const c of waiting) c.cancel();
    letGo();
    await spawn(() => { file.close(); });
  }
});

function openFiles(): string[] {
  return fs.readdirSync('/proc/self/fd').map((name) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The descriptor that lists the directory.
      return '';
    }
  });
}

it('a file is closed even when its time was up before', async () => {
  const path = join(directory, 'closed');
  const fd = await spawn(() => timeout(0, () => {
    const file = open(path, 'w');
    const { fd } = file;
    try {
      file.sync();
      file.sync();
    } finally {
      file.close();
    }
    return fd;
  }, () => undefined));
  expect(fd).toBeUndefined();
  // A thread that has begun to open it by then closes it when it is open.
  while (openFiles().includes(path)) await new Promise((resolve) => setTimeout(resolve, 1));
});

it('a directory is listed with all that is below a link, or not at all', async () => {
  const [top, below] = [join(directory, 'linked'), join(directory, 'below')];
  for (const path of [top, below]) fs.mkdirSync(path);
  fs.writeFileSync(join(below, 'file'), '');
  fs.symlinkSync(below, join(top, 'link'));
  const seen = new Set<string>();
  await spawn(() => {
    readdir(top, { recursive: true });
    // One of them is cancelled where it gives way between the names and the question where the link leads.
    for (let calls = 0; calls < 20; calls++) {
      const listing = spawn(() => {
        for (let i = 0; i < calls; i++) exists(top);
        return readdir(top, { recursive: true });
      });
      yieldNow();
      listing.cancel();
      try {
        seen.add(listing.join().join());
      } catch (error) {
        seen.add((error as NodeJS.ErrnoException).code!);
      }
    }
  });
  expect([...seen].sort()).toEqual(['ERR_CANCELLED', 'link,link/file']);
});

it('tells a sync from a write', async () => {
  const file = await spawn(() => open(join(directory, 'synced'), 'w'));
  let seen: string | undefined;
  // Where the disk is fast and this thread is slow, one may be over before the other coroutine sees it.
  for (let i = 0; i < 1000 && seen === undefined; i++) {
    const syncing = spawn(() => { file.sync(); });
    await spawn(() => { seen = syncing.parkedOn; });
    await syncing;
  }
  expect(seen).toBe(`file.sync fd=${String(file.fd)}`);
  await spawn(() => { file.close(); });
});

it('files that coroutines of a terminated worker were using are closed', async () => {
  expect(await runChild('left_open.mjs')).toEqual({ exit: 0, stdout: '0 open\n', stderr: '' });
});
