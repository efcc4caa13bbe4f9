import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, spawn } from 'stackful';
import { access, exists, lstat, readdir, realpath, stat } from 'stackful/fs';

import { outcome, temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory, ...names);
fs.writeFileSync(at('file'), 'x'.repeat(5000), { mode: 0o640 });
fs.utimesSync(at('file'), 1_234_567_890.123, 987_654_321.987);
fs.mkdirSync(at('sub', 'deeper'), { recursive: true });
fs.writeFileSync(at('sub', 'one'), '');
fs.writeFileSync(at('sub', 'deeper', 'two'), '');
fs.symlinkSync('file', at('link'));
fs.symlinkSync('sub', at('sublink'));
fs.symlinkSync('nobody', at('dangling'));
fs.symlinkSync('loop', at('loop'));
execFileSync('mkfifo', [at('fifo')]);
for (const name of ['Ä', 'a', 'B', '10', '9', '漢字', '.hidden']) fs.writeFileSync(at('sub', name), '');
fs.writeFileSync(Buffer.from(at('sub', 'raw-') + '\xff', 'latin1'), '');

const paths = [
  'file',
  'sub',
  'link',
  'sublink',
  'fifo',
  'dangling',
  'loop',
  'nobody',
  join('file', 'x'),
  'x'.repeat(300),
].map((name) => at(name));
paths.push('/dev/null', '/proc/self', '/', '.', '', '/x'.repeat(3000));

const named = paths.map(
  (path) => [path.length > 100 ? `${path.length} characters` : path.replace(directory, ''), path] as const,
);

const METHODS = [
  'isFile',
  'isDirectory',
  'isSymbolicLink',
  'isFIFO',
  'isSocket',
  'isBlockDevice',
  'isCharacterDevice',
] as const;

describe('stat and lstat', () => {
  it.each(named)('give what Node gives: %s', async (_, path) => {
    await spawn(() => {
      for (const [ours, theirs] of [
        [stat, fs.statSync],
        [lstat, fs.lstatSync],
      ] as const) {
        const expected = outcome(() => theirs(path));
        const result = outcome(() => ours(path));
        expect(result).toStrictEqual(expected);
        const [a, b] = [(result as any).value as fs.Stats, (expected as any).value as fs.Stats];
        if (!b) continue;
        expect(Object.keys(a)).toEqual(Object.keys(b));
        expect(a).toBeInstanceOf(fs.Stats);
        for (const method of METHODS) expect(a[method]()).toBe(b[method]());
        for (const time of ['atime', 'mtime', 'ctime', 'birthtime'] as const)
          expect(a[time]).toEqual(b[time]);
      }
    });
  });

  it('take every kind of path and options', async () => {
    await spawn(() => {
      for (const path of [Buffer.from(at('file')), pathToFileURL(at('file'))]) {
        expect(stat(path)).toStrictEqual(fs.statSync(path));
      }
      expect(stat(at('nobody'), { throwIfNoEntry: false })).toBeUndefined();
      expect(lstat(at('file', 'x'), { throwIfNoEntry: false })).toBeUndefined();
      expect(stat(at('file'), { throwIfNoEntry: false })!.size).toBe(5000);
      expect(thrown(() => stat(at('loop'), { throwIfNoEntry: false })).code).toBe('ELOOP');
      for (const bad of [undefined, null, 5, {}])
        expect(thrown(() => stat(bad as any)).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(thrown(() => stat('a\0b')).code).toBe('ERR_INVALID_ARG_VALUE');
    });
  });
});

describe('readdir', () => {
  const options = [
    undefined,
    null,
    'utf8',
    'buffer',
    'hex',
    { encoding: 'buffer' },
    { withFileTypes: true },
    { withFileTypes: true, encoding: 'latin1' },
    { recursive: true },
    { recursive: true, withFileTypes: true },
  ];
  it.each(options)('gives what fs.readdirSync gives: %j', async (given) => {
    await spawn(() => {
      for (const path of [
        directory,
        at('sub'),
        `${at('sub')}/`,
        '/proc/self',
        at('nobody'),
        at('file'),
        '',
      ]) {
        if (path === '/proc/self' && typeof given === 'object' && given && 'recursive' in given) continue;
        const expected = outcome(() => fs.readdirSync(path, given as 'utf8'));
        const result = outcome(() => readdir(path, given as 'utf8'));
        expect(result).toStrictEqual(expected);
        const [a, b] = [(result as any).value, (expected as any).value] as fs.Dirent[][];
        if (!(b?.[0] instanceof fs.Dirent)) continue;
        b.forEach((entry, i) => {
          expect(a![i]).toBeInstanceOf(fs.Dirent);
          for (const method of METHODS) expect(a![i]![method]()).toBe(entry[method]());
          expect(a![i]!.parentPath).toBe(entry.parentPath);
        });
      }
    });
  });

  it('takes every kind of path', async () => {
    await spawn(() => {
      expect(readdir(Buffer.from(at('sub')))).toEqual(fs.readdirSync(at('sub')));
      expect(readdir(pathToFileURL(at('sub')))).toEqual(fs.readdirSync(at('sub')));
      expect(thrown(() => readdir(at('sub'), 'x' as any)).code).toBe('ERR_INVALID_ARG_VALUE');
    });
  });

  it('reads large directories', async () => {
    fs.mkdirSync(at('large'));
    for (let i = 0; i < 2000; i++) fs.writeFileSync(at('large', `${i}`), '');
    await spawn(() => {
      expect(readdir(at('large'))).toEqual(fs.readdirSync(at('large')));
    });
    fs.rmSync(at('large'), { recursive: true });
  });
});

describe('realpath', () => {
  it.each(named)('gives what fs.realpathSync.native gives: %s', async (_, path) => {
    await spawn(() => {
      for (const encoding of [undefined, 'buffer', 'hex'] as const) {
        expect(outcome(() => realpath(path, encoding as 'utf8'))).toEqual(
          outcome(() => fs.realpathSync.native(path, encoding as 'utf8')),
        );
      }
    });
  });
});

describe('access and exists', () => {
  it.each(named)('say what Node says: %s', async (_, path) => {
    await spawn(() => {
      for (let mode = 0; mode < 8; mode++) {
        expect(
          outcome(() => {
            access(path, mode);
          }),
        ).toEqual(
          outcome(() => {
            fs.accessSync(path, mode);
          }),
        );
      }
      expect(exists(path)).toBe(fs.existsSync(path));
    });
  });

  it('check their arguments as Node does', async () => {
    await spawn(() => {
      expect(
        thrown(() => {
          access(at('file'), 8);
        }).code,
      ).toBe('ERR_OUT_OF_RANGE');
      expect(exists('a\0b')).toBe(false);
      expect(exists(undefined as any)).toBe(false);
    });
    expect(() => exists(at('nobody'))).toThrow(NotInCoroutineError);
    expect(() => {
      access(at('nobody'));
    }).toThrow(NotInCoroutineError);
  });
});
