import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { close, fdatasync, File, fstat, fsync, open, read, write } from 'stackful/fs';

import { gc } from '../support/gc.js';
import { untilParked } from '../support/parked.js';
import { outcome, temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const path = join(directory, 'file');
const content = '0123456789';
fs.writeFileSync(path, content);

/** Whether `fd` is that file. Another thread of this process may have the number by now. */
function isOpen(fd: number, path: string): boolean {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch {
    return false;
  }
}

describe('open', () => {
  const flags = [
    'r',
    'rs',
    'sr',
    'r+',
    'rs+',
    'sr+',
    'w',
    'wx',
    'xw',
    'w+',
    'wx+',
    'xw+',
    'a',
    'ax',
    'xa',
    'as',
    'sa',
    'a+',
    'ax+',
    'xa+',
    'as+',
    'sa+',
    undefined,
    null,
    fs.constants.O_RDWR | fs.constants.O_CREAT,
    'q',
    'rw',
    '',
    'r ',
  ];
  it.each(flags)('takes the flags of fs.openSync: %j', async (flag) => {
    await spawn(() => {
      for (const exists of [true, false]) {
        const run = (opening: (path: string) => { fd: number; close: () => void }) => {
          const file = join(directory, 'flags');
          fs.rmSync(file, { force: true });
          if (exists) fs.writeFileSync(file, 'abc');
          const result: any = outcome(() => {
            const opened = opening(file);
            const info = fs.readFileSync(`/proc/self/fdinfo/${opened.fd}`, 'utf8');
            opened.close();
            return [/flags:.*/.exec(info)![0], fs.readFileSync(file, 'utf8')];
          });
          if (result.code === 'ERR_INVALID_ARG_VALUE') result.message = '';
          return result as unknown;
        };
        const theirs = (file: string) => {
          const fd = fs.openSync(file, flag as string);
          return { fd, close: () => { fs.closeSync(fd); } };
        };
        expect(run((file) => open(file, flag))).toEqual(run(theirs));
      }
    });
  });

  it('takes paths of every kind and modes', async () => {
    await spawn(() => {
      for (const where of [path, Buffer.from(path), pathToFileURL(path)]) {
        using file = open(where);
        expect(file).toBeInstanceOf(File);
        expect(fs.fstatSync(file.fd).ino).toBe(fs.statSync(path).ino);
      }
      open(join(directory, 'mode'), 'w', 0o640).close();
      expect(fs.statSync(join(directory, 'mode')).mode & 0o777).toBe(0o640);
      open(join(directory, 'mode2'), 'w', '600').close();
      expect(fs.statSync(join(directory, 'mode2')).mode & 0o777).toBe(0o600);
    });
  });

  it('fails as fs.openSync does', async () => {
    await spawn(() => {
      for (const [where, flag] of [
        [join(directory, 'no'), 'r'],
        [directory, 'w'],
        [path, 'wx'],
        [join(path, 'x'), 'r'],
      ] as const) {
        expect(outcome(() => open(where, flag))).toEqual(outcome(() => fs.openSync(where, flag)));
      }
      expect(thrown(() => open(path, 'r', 'x')).code).toBe('ERR_INVALID_ARG_VALUE');
      expect(thrown(() => open(5 as any)).code).toBe('ERR_INVALID_ARG_TYPE');
    });
  });
});

describe('read', () => {
  const calls: unknown[][] = [
    [],
    [2, 3],
    [2, 3, 5],
    [0, 20, 0],
    [0, 0],
    [0, 5, 4n],
    [0, 5, -1],
    [0, 5, 100],
    [{ offset: 1, length: 2, position: 3 }],
    [{ position: 7 }],
    [{}],
    [-1, 1],
    [21, 1],
    [0, 21],
    [0, -1],
    [15, 10],
    [1.5, 1],
  ];
  it.each(calls.map((args) => [inspect(args), args] as const))(
    'does what fs.readSync does with %s',
    async (_, args) => {
      await spawn(() => {
        const run = (reading: (fd: number, buffer: Buffer) => number) => {
          const fd = fs.openSync(path, 'r');
          const buffer = Buffer.alloc(20, '-');
          const results = [
            outcome(() => reading(fd, buffer)),
            outcome(() => reading(fd, buffer)),
            buffer.toString(),
          ];
          fs.closeSync(fd);
          for (const result of results) if (typeof result === 'object') delete (result as any).message;
          return results;
        };
        const ours = run((fd, buffer) => read(fd, buffer, ...(args as [number])));
        expect(ours).toEqual(
          run((fd, buffer) => fs.readSync(fd, buffer, ...(args as [number, number, number]))),
        );
        using file = open(path);
        const buffer = Buffer.alloc(20, '-');
        expect(outcome(() => file.read(buffer, ...(args as [number])))).toMatchObject(ours[0] as object);
      });
    },
  );

  it('reads as far as the buffer goes when no length is given', async () => {
    await spawn(() => {
      using file = open(path);
      const buffer = Buffer.alloc(5, '-');
      expect(file.read(buffer, 3, undefined, 4)).toBe(2);
      expect(file.read(buffer, 4)).toBe(1);
      expect(buffer.toString()).toBe('---40');
    });
  });

  it('takes any view, and refuses what is none', async () => {
    await spawn(() => {
      using file = open(path);
      const numbers = new Uint16Array(2);
      expect(file.read(numbers)).toBe(4);
      expect(Buffer.from(numbers.buffer).toString()).toBe('0123');
      const view = new DataView(new ArrayBuffer(6), 2);
      expect(file.read(view, 1, 2)).toBe(2);
      expect(Buffer.from(view.buffer).toString('latin1')).toBe('\0\0\x0045\0');
      for (const bad of ['x', undefined, {}, new ArrayBuffer(2)]) {
        expect(thrown(() => file.read(bad as any)).code).toBe('ERR_INVALID_ARG_TYPE');
      }
      expect(thrown(() => file.read(new Uint8Array(0))).code).toBe('ERR_INVALID_ARG_VALUE');
      expect(outcome(() => read(1_000_000, Buffer.alloc(1)))).toEqual(
        outcome(() => fs.readSync(1_000_000, Buffer.alloc(1))),
      );
    });
  });

  it('waits for a pipe while others run', async () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      using both = open(fifo, 'r+');
      const buffer = Buffer.alloc(10);
      const reader = spawn(() => both.read(buffer));
      untilParked(reader);
      expect(reader.parkedOn).toMatch(/^file\.read/);
      expect(both.write('pipe')).toBe(4);
      expect(reader.join()).toBe(4);
      expect(buffer.toString('latin1', 0, 4)).toBe('pipe');
    });
  });
});

describe('write', () => {
  const calls: unknown[][] = [
    [Buffer.from('abcdef')],
    [Buffer.from('abcdef'), 2],
    [Buffer.from('abcdef'), 2, 3],
    [Buffer.from('abcdef'), 2, 3, 5],
    [Buffer.from('abcdef'), null, undefined, 1],
    [Buffer.from('abcdef'), { offset: 1, length: 2, position: 3 }],
    [Buffer.from('abcdef'), 7],
    [Buffer.from('abcdef'), 2, 5],
    [Buffer.from('abcdef'), -1],
    [new Uint16Array([0x6161, 0x6262])],
    ['text'],
    ['täxt', 3],
    ['6162', 3, 'hex'],
    ['', null],
    [5],
    [undefined],
  ];
  it.each(calls.map((args) => [inspect(args), args] as const))(
    'does what fs.writeSync does with %s',
    async (_, args) => {
      await spawn(() => {
        const run = (writing: (fd: number) => number) => {
          fs.writeFileSync(path, content);
          const fd = fs.openSync(path, 'r+');
          const results: any[] = [
            outcome(() => writing(fd)),
            outcome(() => writing(fd)),
            fs.readFileSync(path, 'latin1'),
          ];
          fs.closeSync(fd);
          for (const result of results) if (typeof result === 'object') delete result.message;
          return results;
        };
        const expected = run((fd) => fs.writeSync(fd, ...(args as [string])));
        expect(run((fd) => write(fd, ...(args as [string])))).toEqual(expected);
        fs.writeFileSync(path, content);
        using file = open(path, 'r+');
        expect(outcome(() => file.write(...(args as [string])))).toMatchObject(expected[0] as object);
      });
      fs.writeFileSync(path, content);
    },
  );

  it('keeps what it writes although its memory is transferred meanwhile', async () => {
    await spawn(() => {
      const target = join(directory, 'transferred');
      using file = open(target, 'w');
      const bytes = new Uint8Array(4_000_000).fill(65);
      const writer = spawn(() => file.write(bytes));
      sleep(0);
      structuredClone(bytes, { transfer: [bytes.buffer] });
      expect(writer.join()).toBe(4_000_000);
      expect(fs.readFileSync(target).every((byte) => byte === 65)).toBe(true);
    });
  });
});

describe('a File', () => {
  it('knows its stats and can be brought to the disk', async () => {
    await spawn(() => {
      using file = open(path, 'r+');
      expect(file.stat()).toStrictEqual(fs.fstatSync(file.fd));
      expect(fstat(file)).toStrictEqual(fstat(file.fd));
      for (const call of [
        () => {
          file.sync();
        },
        () => {
          file.datasync();
        },
        () => {
          fsync(file.fd);
        },
        () => {
          fdatasync(file);
        },
      ]) {
        expect(outcome(call)).toEqual({ value: undefined });
      }
      for (const [ours, theirs] of [
        [fsync, fs.fsyncSync],
        [fdatasync, fs.fdatasyncSync],
        [fstat, fs.fstatSync],
        [close, fs.closeSync],
      ] as const) {
        expect(
          outcome(() => {
            ours(1_000_000);
          }),
        ).toEqual(
          outcome(() => {
            theirs(1_000_000);
          }),
        );
      }
    });
  });

  it('is closed once', async () => {
    await spawn(() => {
      let file: File;
      {
        using f = open(path);
        file = f;
        expect(f.fd).toBeGreaterThan(2);
      }
      expect(file.fd).toBe(-1);
      file.close();
      close(file);
      for (const call of [
        () => file.read(Buffer.alloc(1)),
        () => file.write('x'),
        () => file.stat(),
        () => file.readFile(),
        () => {
          file.writeFile('x');
        },
        () => {
          file.sync();
        },
      ]) {
        expect(thrown(call)).toMatchObject({ code: 'EBADF', errno: -9 });
      }
    });
  });

  it('can be closed outside a coroutine', async () => {
    const file = await spawn(() => open(join(directory, 'outside'), 'w'));
    const { fd } = file;
    expect(isOpen(fd, join(directory, 'outside'))).toBe(true);
    file.close();
    expect(isOpen(fd, join(directory, 'outside'))).toBe(false);
  });

  it('keeps its descriptor until those who use it are done', async () => {
    const fifo = join(directory, 'kept');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      const file = open(fifo, 'r+');
      const { fd } = file;
      const reader = spawn(() => file.read(Buffer.alloc(5)));
      sleep(5);
      file.close();
      expect(file.fd).toBe(-1);
      expect(isOpen(fd, fifo)).toBe(true);
      fs.writeSync(fd, 'done');
      expect(reader.join()).toBe(4);
      expect(isOpen(fd, fifo)).toBe(false);
    });
  });

  it('is closed when no code refers to it any more', async () => {
    const forgotten = join(directory, 'forgotten');
    fs.writeFileSync(forgotten, '');
    const fds = await spawn(() => Array.from({ length: 20 }, () => open(forgotten).fd));
    expect(fds.every((fd) => isOpen(fd, forgotten))).toBe(true);
    for (let i = 0; i < 100 && fds.some((fd) => isOpen(fd, forgotten)); i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(fds.filter((fd) => isOpen(fd, forgotten))).toEqual([]);
  });
});
