import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { CancelledError, NotInCoroutineError, spawn, wait, yieldNow, type Coroutine } from 'stackful';
import * as all from 'stackful/fs';
import {
  cp, exists, glob, mkdtemp, mkdtempDisposable, open, openAsBlob, opendir, readdir, rm, stat, statfs, utimes, writeFile, type File,
} from 'stackful/fs';

import { temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory, ...names);
const tick = () => { wait(new Promise((resolve) => { setImmediate(resolve); })); };
/** Has run, and waits now, unless it was quick. */
const parked = (c: Coroutine<unknown>) => { while (c.state === 'ready') yieldNow(); };
const openFiles = () => fs.readdirSync('/proc/self/fd').map((name) => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    // The descriptor that lists the directory.
    return '';
  }
});

it('has constants and classes of node:fs', () => {
  expect(all.constants).toBe(fs.constants);
  expect(all.Stats).toBe(fs.Stats);
  expect(all.Dirent).toBe(fs.Dirent);
});

it('has BigIntStats like those of Node', async () => {
  fs.writeFileSync(at('dated'), 'x');
  fs.utimesSync(at('dated'), -5.25, 1_234_567_890.123);
  await spawn(() => {
    using file = open(at('dated'));
    for (const [ours, theirs] of [
      [stat(at('dated'), { bigint: true }), fs.statSync(at('dated'), { bigint: true })],
      [all.lstat(at('dated'), { bigint: true }), fs.lstatSync(at('dated'), { bigint: true })],
      [file.stat({ bigint: true }), fs.fstatSync(file.fd, { bigint: true })],
      [statfs('/', { bigint: true }).type, fs.statfsSync('/', { bigint: true }).type],
    ] as const) {
      expect(ours).toEqual(theirs);
      expect(Object.getPrototypeOf(ours)).toBe(Object.getPrototypeOf(theirs));
    }
    expect(stat(at('dated'))).toEqual(fs.statSync(at('dated')));
    expect(stat(at('nobody'), { bigint: true, throwIfNoEntry: false })).toBe(undefined);
  });
});

it('a File has what a FileHandle has', async () => {
  await spawn(() => {
    using file = open(at('handle'), 'w+');
    expect(file.writev([Buffer.from('abc'), Buffer.from('def')])).toBe(6);
    const parts = [Buffer.alloc(2), Buffer.alloc(2)];
    expect([file.readv(parts, 1), String(Buffer.concat(parts))]).toEqual([4, 'bcde']);
    file.truncate(4);
    file.chmod(0o600);
    file.chown(process.getuid!(), process.getgid!());
    file.utimes(1, 2);
    file.appendFile('!');
    const { size, mode } = file.stat();
    expect([size, mode & 0o777]).toEqual([7, 0o600]);
  });
});

describe('what the caches had a moment ago', () => {
  it('is forgotten as soon as it is not so any more', async () => {
    await spawn(() => {
      const path = at('there');
      for (let i = 0; i < 20; i++) {
        expect(exists(path)).toBe(false);
        expect(stat(path, { throwIfNoEntry: false })).toBe(undefined);
        fs.writeFileSync(path, 'x'.repeat(i));
        expect(exists(path)).toBe(true);
        expect(stat(path).size).toBe(i);
        fs.mkdirSync(at('list'), { recursive: true });
        expect(readdir(at('list')).length).toBe(0);
        fs.writeFileSync(at('list', String(i)), '');
        expect(readdir(at('list'))).toEqual([String(i)]);
        fs.rmSync(at('list'), { recursive: true });
        expect(thrown(() => readdir(at('list'))).code).toBe('ENOENT');
        fs.rmSync(path);
      }
    });
  });

  it('follows another working directory', async () => {
    // A worker has none of its own.
    const script = `
      import { spawn } from 'stackful';
      import { exists } from 'stackful/fs';
      import fs from 'node:fs';
      const root = fs.mkdtempSync('${tmpdir()}/stackful-');
      fs.mkdirSync(root + '/a'); fs.mkdirSync(root + '/b'); fs.writeFileSync(root + '/a/here', '');
      await spawn(() => {
        const seen = [];
        for (let i = 0; i < 3; i++) for (const name of ['a', 'b']) { process.chdir(root + '/' + name); seen.push(exists('here')); }
        console.log(seen.join());
      });
      fs.rmSync(root, { recursive: true });
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(output).toBe('true,false,true,false,true,false\n');
  });
});

describe('directories', () => {
  fs.mkdirSync(at('many'));
  for (let i = 0; i < 100; i++) fs.writeFileSync(at('many', String(i)), '');
  const names = () => [...opendir(at('many'))].map(({ name }) => name).sort();

  it('are read entry by entry, and closed', async () => {
    await spawn(() => {
      expect(names()).toEqual(fs.readdirSync(at('many')));
      const dir = opendir(at('many'), { bufferSize: 1 });
      expect(dir.path).toBe(at('many'));
      for (const entry of dir) if (entry.name) break;
      expect(thrown(() => dir.read()).code).toBe('ERR_DIR_CLOSED');
      expect(thrown(() => { dir.close(); }).code).toBe('ERR_DIR_CLOSED');
      dir[Symbol.dispose]();
      expect(openFiles().filter((name) => name === at('many'))).toEqual([]);
    });
  });

  it('lose no entry to an interruption, and no descriptor', async () => {
    await spawn(() => {
      const dir = opendir(at('many'), { bufferSize: 1 });
      const seen: string[] = [];
      for (let i = 0; i < 10; i++) {
        const reading = spawn(() => dir.read());
        parked(reading);
        reading.cancel();
        try {
          seen.push(reading.join()!.name);
        } catch (error) {
          expect(error).toBeInstanceOf(CancelledError);
        }
      }
      for (let i = 0; i < 50; i++) tick();
      for (const { name } of dir) seen.push(name);
      expect(seen.sort()).toEqual(fs.readdirSync(at('many')));
      const opening = spawn(() => opendir(at('many')));
      parked(opening);
      expect(opening.parkedOn).toBe(`fs.opendir ${at('many')}`);
      opening.cancel();
      while (openFiles().includes(at('many')) || opening.state !== 'done') tick();
    });
  });

  it('are made for a block', async () => {
    await spawn(() => {
      let path;
      {
        using made = mkdtempDisposable(at('job-'));
        path = made.path;
        writeFile(join(path, 'scratch'), 'x');
      }
      expect(exists(path)).toBe(false);
      // Also when the block was cancelled.
      const cancelled = spawn(() => {
        using made = mkdtempDisposable(at('job-'));
        path = made.path;
        wait(new Promise(() => undefined));
      });
      parked(cancelled);
      while (cancelled.parkedOn !== 'promise') tick();
      cancelled.cancel();
      expect(thrown(() => { cancelled.join(); })).toBeInstanceOf(CancelledError);
      expect(fs.existsSync(path)).toBe(false);
    });
    const made = await spawn(() => mkdtempDisposable(at('job-')));
    made.remove();
    expect(fs.existsSync(made.path)).toBe(false);
  });

  it('of a call that was cancelled are removed', async () => {
    await spawn(() => {
      for (let i = 0; i < 20; i++) {
        const making = spawn(() => mkdtemp(at('gone-')));
        parked(making);
        making.cancel();
        try {
          fs.rmdirSync(making.join());
        } catch (error) {
          expect(error).toBeInstanceOf(CancelledError);
        }
      }
      while (fs.readdirSync(directory).some((name) => name.startsWith('gone-'))) tick();
    });
  });
});

describe('trees', () => {
  it('are removed in spite of a cancellation, and the call waits for it', async () => {
    await spawn(() => {
      fs.mkdirSync(at('tree'));
      for (let i = 0; i < 200; i++) fs.writeFileSync(at('tree', String(i)), '');
      const removing = spawn(() => { rm(at('tree'), { recursive: true }); });
      parked(removing);
      expect(removing.parkedOn).toBe(`fs.rm ${at('tree')}`);
      removing.cancel();
      try {
        removing.join();
      } catch (error) {
        expect(error).toBeInstanceOf(CancelledError);
      }
      expect(fs.existsSync(at('tree'))).toBe(false);
    });
  });

  it('are copied with a filter, and searched', async () => {
    await spawn(() => {
      fs.mkdirSync(at('from', 'inner'), { recursive: true });
      for (const name of ['a.txt', 'b.log', 'inner/c.txt']) fs.writeFileSync(at('from', name), name);
      cp(at('from'), at('to'), { recursive: true, filter: (source) => !source.endsWith('.log') });
      expect(readdir(at('to'), { recursive: true })).toEqual(['a.txt', 'inner', 'inner/c.txt']);
      const { globSync } = fs as unknown as { globSync?: (pattern: string, options: object) => string[] };
      if (!globSync) {
        expect(thrown(() => glob('*')).code).toBe('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
        return;
      }
      for (const pattern of ['*', '**/*.txt', 'none*', '{a,b}.*']) {
        expect(glob(pattern, { cwd: at('from') }).sort()).toEqual(globSync(pattern, { cwd: at('from') }).sort());
      }
    });
  });

  it('change nothing where the coroutine cannot wait', async () => {
    fs.mkdirSync(at('needed/inner'), { recursive: true });
    await spawn(() => {
      let seen: any;
      void Promise.resolve().then(() => {
        seen = thrown(() => { rm(at('needed'), { recursive: true }); });
      });
      // The callback runs on the coroutine's stack, below a frame of Node's that no coroutine can leave.
      (process as any)._tickCallback();
      expect(seen.code).toBe('ERR_NOT_IN_COROUTINE');
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fs.existsSync(at('needed/inner'))).toBe(true);
  });

  it('openAsBlob gives the content', async () => {
    fs.writeFileSync(at('blob'), 'text');
    await spawn(() => {
      const blob = openAsBlob(at('blob'), { type: 'text/plain' });
      expect([blob.type, blob.size, wait(blob.text())]).toEqual(['text/plain', 4, 'text']);
    });
  });
});

describe('large files', () => {
  const path = at('whole');
  const content = Buffer.alloc(1_500_000, 'some text ');
  fs.writeFileSync(path, content);

  it('are read to the end, and closed', async () => {
    await spawn(() => {
      expect(all.readFile(path).equals(content)).toBe(true);
      expect(all.readFile(path, 'utf8')).toBe(content.toString());
      expect(all.readFile(path, { flag: 'r+' }).equals(content)).toBe(true);
      using file = open(path);
      expect(file.readFile().equals(content)).toBe(true);
      expect(openFiles().filter((name) => name === path).length).toBe(1);
    });
  });

  it('are read where the descriptor is 0, too', () => {
    const script = `
      import fs from 'node:fs';
      import { spawn } from 'stackful';
      import { readFile } from 'stackful/fs';
      fs.closeSync(0);
      await spawn(() => { console.log(readFile(process.env.WHOLE).length, readFile(process.env.WHOLE).length); });
    `;
    const env = { ...process.env, WHOLE: path };
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env });
    expect(output).toBe('1500000 1500000\n');
  });

  it('that grow and shrink meanwhile lose nothing', async () => {
    let stop = false;
    const grown = at('grown');
    fs.writeFileSync(grown, content);
    await spawn(() => {
      const growing = spawn(() => {
        for (let i = 0; i < 40 && !stop; i++) all.appendFile(grown, 'some text '.repeat(5000));
      });
      for (let i = 0; i < 10; i++) {
        const before = fs.statSync(grown).size;
        const now = all.readFile(grown);
        expect(now.length).toBeGreaterThanOrEqual(before);
        expect(now.equals(Buffer.alloc(now.length, 'some text '))).toBe(true);
      }
      stop = true;
      growing.join();
      all.truncate(grown, 300_005);
      expect(all.readFile(grown).length).toBe(300_005);
    });
  });

  it('whose reading is interrupted are closed', async () => {
    await spawn(() => {
      for (let i = 0; i < 5; i++) {
        const reading = spawn(() => { for (;;) all.readFile(path); });
        tick();
        reading.cancel();
        expect(thrown(() => reading.join())).toBeInstanceOf(CancelledError);
      }
      expect(openFiles().filter((name) => name === path)).toEqual([]);
    });
  });
});

it('keeps the descriptor of a File while a call is on it', async () => {
  await spawn(() => {
    const file: File = open(at('kept'), 'w');
    const { fd } = file;
    const changing = spawn(() => { file.utimes(1, 2); });
    parked(changing);
    expect(changing.parkedOn).toBe(`fs.futimes ${String(fd)}`);
    file.close();
    changing.join();
    expect(fs.statSync(at('kept')).mtimeMs).toBe(2000);
    expect(thrown(() => { file.utimes(1, 2); }).code).toBe('EBADF');
  });
});

it('refuses calls outside a coroutine, in an atomic section, and in a cancelled coroutine', async () => {
  const calls = [
    () => { utimes(at('dated'), 1, 1); }, () => { all.unlink(at('nobody')); }, () => all.readlink(at('nobody')), () => { rm(at('nobody')); },
    () => opendir(at('many')), () => mkdtemp(at('never-')), () => statfs('/'), () => { all.truncate(at('nobody')); }, () => openAsBlob(at('blob')),
  ];
  for (const call of calls) expect(call).toThrow(NotInCoroutineError);
  await spawn(() => {
    const cancelled = spawn(() => {
      try {
        wait(new Promise(() => undefined));
      } catch {
        return calls.map((call) => thrown(call));
      }
      return [];
    });
    parked(cancelled);
    cancelled.cancel();
    for (const error of cancelled.join()) expect(error).toBeInstanceOf(CancelledError);
  });
  expect(fs.readdirSync(directory).filter((name) => name.startsWith('never-'))).toEqual([]);
});
