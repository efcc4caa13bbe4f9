import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, wait } from 'stackful';
import { appendFile, open, readFile, writeFile } from 'stackful/fs';

import { untilParked } from '../support/parked.js';
import { outcome, temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const small = join(directory, 'small');
const text = 'naïve text: 漢字 🎉\n';
fs.writeFileSync(small, text);
fs.writeFileSync(join(directory, 'empty'), '');
fs.symlinkSync('small', join(directory, 'link'));
fs.symlinkSync('loop', join(directory, 'loop'));
fs.writeFileSync(
  join(directory, 'broken'),
  Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xc3, 0xe2, 0x82, 0x62]),
);

describe('readFile', () => {
  const sizes = [0, 1, 100, 4095, 4096, 4097, 65_536, 65_537, 262_143, 262_144, 262_145, 3_000_000];
  it.each(sizes)('gives what fs.readFileSync gives: %d bytes', async (size) => {
    const path = join(directory, `size-${size}`);
    fs.writeFileSync(path, Buffer.alloc(size, 'abcdé'));
    await spawn(() => {
      for (let i = 0; i < 2; i++) {
        const bytes = readFile(path);
        expect(bytes).toBeInstanceOf(Buffer);
        expect(bytes.equals(fs.readFileSync(path))).toBe(true);
        expect(readFile(path, 'utf8') === fs.readFileSync(path, 'utf8')).toBe(true);
        expect(readFile(path, { encoding: 'latin1' }) === fs.readFileSync(path, 'latin1')).toBe(true);
      }
    });
  });

  const cases: [string, unknown, unknown?][] = [
    ['a path', small],
    ['a path as bytes', Buffer.from(small)],
    ['a file URL', pathToFileURL(small)],
    ['a link', join(directory, 'link')],
    ['utf8', small, 'utf8'],
    ['utf-8', small, 'utf-8'],
    ['hex', small, 'hex'],
    ['base64 as an option', small, { encoding: 'base64' }],
    ['no encoding', small, { encoding: null }],
    ['null options', small, null],
    ['a flag', small, { flag: 'r+', encoding: 'utf8' }],
    ['a flag that creates', join(directory, 'created'), { flag: 'a+' }],
    ['an empty file as text', join(directory, 'empty'), 'utf8'],
    ['what is not UTF-8', join(directory, 'broken'), 'utf8'],
    ['a file without a size', '/proc/self/status', { flag: 'r' }],
    ['a name that is not there', join(directory, 'nobody')],
    ['a directory', directory],
    ['a directory as text', directory, 'utf8'],
    ['a file as a directory', join(small, 'x')],
    ['a loop', join(directory, 'loop')],
    ['an empty path', ''],
    ['a long name', join(directory, 'x'.repeat(300))],
    ['a long path', '/x'.repeat(3000)],
    ['a closed descriptor', 1_000_000],
    ['a path with a null byte', `${small}\0x`],
    ['bytes with a null byte', Buffer.from(`${small}\0x`)],
  ];
  it.each(cases)('does what fs.readFileSync does with %s', async (_, file, options) => {
    await spawn(() => {
      const expected: any = outcome(() => fs.readFileSync(file as string, options as 'utf8'));
      if (file === '/proc/self/status') expected.value = expect.any(Buffer);
      // Messages about arguments name them in the same way, but say more about what was received.
      if (expected.code?.startsWith('ERR_')) expected.message = expect.any(String);
      expect(outcome(() => readFile(file as string, options as 'utf8'))).toEqual(expected);
    });
  });

  it.each([
    [undefined, undefined, 'ERR_INVALID_ARG_TYPE'],
    [{}, undefined, 'ERR_INVALID_ARG_TYPE'],
    [-1, undefined, 'ERR_OUT_OF_RANGE'],
    [small, 'no encoding', 'ERR_INVALID_ARG_VALUE'],
    [small, { encoding: 'x' }, 'ERR_INVALID_ARG_VALUE'],
    [small, 5, 'ERR_INVALID_ARG_TYPE'],
    [small, { flag: 'q' }, 'ERR_INVALID_ARG_VALUE'],
    [new URL('http://example.org/'), undefined, 'ERR_INVALID_URL_SCHEME'],
    [new URL('file:///a%00b'), undefined, 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %j with %j', async (file, options, code) => {
    await spawn(() => {
      expect(thrown(() => fs.readFileSync(file as any, options as any)).code).toBe(code);
      expect(thrown(() => readFile(file as any, options as any)).code).toBe(code);
    });
  });

  it('reads an open file from where it is', async () => {
    await spawn(() => {
      using file = open(small);
      expect(readFile(file, 'utf8')).toBe(text);
      expect(file.readFile()).toEqual(Buffer.alloc(0));
      const fd = fs.openSync(small, 'r');
      fs.readSync(fd, Buffer.alloc(3));
      expect(readFile(fd)).toEqual(Buffer.from(text).subarray(3));
      fs.closeSync(fd);
    });
  });

  it('lets others run while it waits for a pipe', async () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      const reader = spawn(() => readFile(fifo, 'utf8'));
      untilParked(reader);
      writeFile(fifo, 'through the pipe');
      expect(reader.join()).toBe('through the pipe');
    });
  });

  it('stops waiting when its coroutine is cancelled', async () => {
    const fifo = join(directory, 'silent');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      const reader = spawn(() => thrown(() => readFile(fifo)));
      sleep(5);
      reader.cancel();
      expect(reader.join().code).toBe('ERR_CANCELLED');
      // Lets the thread go that is in open(2).
      fs.closeSync(fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK));
    });
  });

  it('serves many at a time', async () => {
    await spawn(() => {
      const paths = Array.from({ length: 200 }, (_, i) => join(directory, `many-${i}`));
      paths
        .map((path, i) =>
          spawn(() => {
            writeFile(path, `content ${i}`);
          }),
        )
        .forEach((writer) => {
          writer.join();
        });
      const readers = paths.map((path) => spawn(() => readFile(path, 'utf8')));
      expect(readers.map((reader) => reader.join())).toEqual(paths.map((_, i) => `content ${i}`));
    });
  });

  it('refuses to work outside a coroutine', () => {
    expect(() => readFile(small)).toThrow(NotInCoroutineError);
    expect(() => {
      writeFile(small, 'x');
    }).toThrow(NotInCoroutineError);
    expect(() => open(small)).toThrow(NotInCoroutineError);
  });
});

describe('writeFile and appendFile', () => {
  const target = join(directory, 'target');

  it.each([
    ['text', 'grüße'],
    ['text in an encoding', 'ff00', 'hex'],
    ['text in an encoding given as option', 'grüße', { encoding: 'latin1' }],
    ['nothing', ''],
    ['bytes', Buffer.from([1, 2, 3])],
    ['other views', new Uint16Array([1, 256])],
    ['a DataView', new DataView(new ArrayBuffer(5), 1, 3)],
    ['a lot', Buffer.alloc(2_000_000, 'x')],
    ['something to the disk', 'x', { flush: true }],
    ['at the end', 'x', { flag: 'a' }],
    ['only new files', 'x', { flag: 'wx' }],
  ])('do what Node does with %s', async (_, data, options?: any) => {
    await spawn(() => {
      for (const [ours, theirs] of [
        [writeFile, fs.writeFileSync],
        [appendFile, fs.appendFileSync],
      ] as const) {
        fs.writeFileSync(target, 'something longer than before');
        const expected = outcome(() => {
          theirs(target, data as string, options);
        });
        const content = fs.readFileSync(target);
        fs.writeFileSync(target, 'something longer than before');
        expect(
          outcome(() => {
            ours(target, data, options);
          }),
        ).toEqual(expected);
        expect(fs.readFileSync(target).equals(content)).toBe(true);
      }
    });
  });

  it('make files with a mode', async () => {
    await spawn(() => {
      writeFile(join(directory, 'mode'), 'x', { mode: 0o600 });
      expect(fs.statSync(join(directory, 'mode')).mode & 0o777).toBe(0o600);
      appendFile(join(directory, 'mode2'), 'x', { mode: '640' });
      expect(fs.statSync(join(directory, 'mode2')).mode & 0o777).toBe(0o640);
    });
  });

  it('write to open files', async () => {
    await spawn(() => {
      using file = open(target, 'w');
      writeFile(file, 'one ');
      file.writeFile('two ');
      writeFile(file.fd, 'three ');
      appendFile(file, 'four');
      expect(readFile(target, 'utf8')).toBe('one two three four');
    });
  });

  it.each([
    [join(directory, 'no', 'where'), 'x', undefined],
    [directory, 'x', undefined],
    [1_000_000, 'x', undefined],
    [target, 5, undefined],
    [target, undefined, undefined],
    [target, 'x', 'no encoding'],
    [target, 'x', { mode: -1 }],
    [target, 'x', { mode: '99' }],
    [target, 'x', { flush: 1 }],
  ])('refuse %j, %j, %j as Node does', async (file, data, options) => {
    await spawn(() => {
      const expected: any = outcome(() => {
        fs.writeFileSync(file, data as string, options as any);
      });
      if (expected.code.startsWith('ERR_')) expected.message = expect.any(String);
      // Node 20 knows no `flush`.
      if (expected.code === undefined) return;
      expect(
        outcome(() => {
          writeFile(file, data as string, options as any);
        }),
      ).toEqual(expected);
    });
  });

  it('wait for the reader of a pipe while others run', async () => {
    const fifo = join(directory, 'read-later');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      const writer = spawn(() => {
        writeFile(fifo, 'piped');
      });
      untilParked(writer);
      expect(wait(fs.promises.readFile(fifo, 'utf8'))).toBe('piped');
      writer.join();
    });
  });

  it('stop waiting for it when they are cancelled', async () => {
    const fifo = join(directory, 'never-read');
    execFileSync('mkfifo', [fifo]);
    await spawn(() => {
      const writer = spawn(() =>
        thrown(() => {
          writeFile(fifo, 'x');
        }),
      );
      sleep(5);
      writer.cancel();
      expect(writer.join().code).toBe('ERR_CANCELLED');
      // Lets the thread go that is in open(2).
      fs.closeSync(fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK));
    });
  });

  it('report a full disk', async () => {
    await spawn(() => {
      expect(
        thrown(() => {
          writeFile('/dev/full', 'x');
        }),
      ).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    });
  });
});
