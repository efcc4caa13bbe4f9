/** cmake builds what binding.gyp lists. */

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

import { root } from '../support/installed.js';

interface Command { file: string; command: string }

describe('npm run build:cmake', () => {
  it('compiles the sources that binding.gyp lists, with its flags', (context) => {
    if (spawnSync('cmake', ['--version']).status !== 0) context.skip('no cmake here (Debian: apt-get install cmake)');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/cmake.mjs', '--commands'], { cwd: root, encoding: 'utf8' });
    expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: expect.any(String) as string });

    const commands = JSON.parse(readFileSync(join(root, 'compile_commands.json'), 'utf8')) as Command[];
    const sources = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:cc|S)$/.test(name));
    expect(commands.map(({ file }) => relative(join(root, 'native'), file)).sort()).toEqual(sources.sort());

    const list = readFileSync(join(root, 'binding.gyp'), 'utf8').replaceAll(/^ *#.*$|"(?:cflags\w*!|ldflags)": \[[^\]]*\]|"Debug": \{[^}]*\}/gm, '');
    const flags = [...list.matchAll(/"(-[^"]+)"/g)].map(([, flag]) => flag!).filter((flag) => process.arch === 'x64' || !/^-m|^-fcf/.test(flag));
    expect(flags).toEqual(expect.arrayContaining(['-fno-strict-aliasing', '-std=gnu++20', '-flto=auto']));
    const defines = [...list.matchAll(/"([A-Z_]+(?:=\d+)?)"/g)].map(([, define]) => `-D${define!}`);
    expect(defines).toEqual(expect.arrayContaining(['-DNAPI_VERSION=9', '-D_GNU_SOURCE']));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    for (const { file, command } of commands) {
      const words = command.split(' ');
      const missing = [...flags, ...defines, `-DSTACKFUL_VERSION=\\"${version}\\"`].filter((word) => !words.includes(word));
      expect({ file, missing }).toEqual({ file, missing: file.endsWith('.S') ? ['-std=gnu++20', '-fvisibility-inlines-hidden'] : [] });
    }
  });
});
