/** The steps of `npm pack` before it packs, in a copy of the folder where a stub replaces the compiler, which takes minutes. */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { root } from '../support/installed.js';

const ABIS = [115, 127, 137, 147];
let copy = '';

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'stackful-prepack-'));
  for (const name of ['scripts', 'lib', 'native', 'binding.gyp', 'package.json']) cpSync(join(root, name), join(copy, name), { recursive: true });
  const manifest = join(copy, 'package.json');
  const { scripts, ...rest } = JSON.parse(readFileSync(manifest, 'utf8')) as { scripts: Record<string, string> };
  scripts.compile = `node -e "fs.mkdirSync('dist', { recursive: true }); fs.writeFileSync('dist/index.js', '')"`;
  writeFileSync(manifest, JSON.stringify({ ...rest, scripts }));
});
afterEach(() => { rmSync(copy, { recursive: true }); });

/** An empty file, so many seconds younger than the sources. */
function addFile(name: string, seconds: number): void {
  const file = join(copy, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '');
  utimesSync(file, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
}

/** A folder of programs, as PATH: Node, npm and what they need, and those named. */
function programs(...more: string[]): string {
  const directory = join(copy, '.bin');
  mkdirSync(directory);
  symlinkSync(process.execPath, join(directory, 'node'));
  for (const name of ['npm', 'sh']) symlinkSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(), join(directory, name));
  for (const name of more) writeFileSync(join(directory, name), '#!/bin/sh\n', { mode: 0o755 });
  return directory;
}

function pack(command: string[], PATH: string): { status: number | null; stdout: string; stderr: string } {
  const { HOME } = process.env;
  const { status, stdout, stderr } = spawnSync('npm', command, { cwd: copy, env: { PATH, HOME }, encoding: 'utf8' });
  return { status, stdout, stderr };
}
const packed = () => readdirSync(copy).filter((name) => name.endsWith('.tgz'));

describe('npm pack', () => {
  it('takes addons that are current for what is to be built, and nothing that is left from other sources', () => {
    for (const arch of ['x64', 'arm64']) {
      for (const abi of ABIS) addFile(`prebuilds/linux-${arch}/node.abi${abi}.node`, 100);
    }
    addFile('prebuilds/linux-x64/node.abi108.node', -1e6);
    addFile('prebuilds/linux-x64/node.abi115.node.tmp', -1e6);
    addFile('dist/moved_away.js', 100);
    const { status, stdout, stderr } = pack(['pack', '--silent'], programs('aarch64-linux-gnu-g++'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/(?:matrix: Node \S+ +built, [\d.]+ s\n[^]*){8}/) as string });
    // stdout holds only the name, for programs that read it.
    expect(stdout.trim()).toBe(packed()[0]);
    const files = spawnSync('tar', ['tzf', join(copy, packed()[0]!)], { encoding: 'utf8' }).stdout.split('\n');
    expect(files.filter((name) => name.endsWith('.node')).map((name) => basename(name)).sort()).toEqual(
      ABIS.flatMap((abi) => [`node.abi${abi}.node`, `node.abi${abi}.node`]));
    expect(files.filter((name) => /\/dist\/|\.tmp$/.test(name))).toEqual(['package/dist/index.js']);
  });

  it('fails where the addons of the other architecture cannot be built, and says what is missing', () => {
    const { status, stderr } = pack(['pack'], programs());
    expect(stderr).toMatch(/^prepack: nothing is packed, the addons for \w+ cannot be built: .*compiler|aarch64-linux-gnu-g\+\+/m);
    expect(status).not.toBe(0);
    expect(packed()).toEqual([]);
    // prepack checks this before it does anything else.
    expect(existsSync(join(copy, 'prebuilds'))).toBe(false);
  });

  it('fails where one of them does not build', () => {
    writeFileSync(join(copy, 'scripts/matrix.mjs'), "console.error('matrix: no'); process.exitCode = 1;");
    const { status, stderr } = pack(['pack'], programs('aarch64-linux-gnu-g++'));
    expect(stderr).toMatch(/^matrix: no\nprepack: nothing is packed, building the addons for x64 failed$/m);
    expect(status).not.toBe(0);
    expect(packed()).toEqual([]);
  });
});

describe('npm publish', () => {
  it('is refused while package.json names no repository', () => {
    const { status, stderr } = pack(['publish', '--dry-run'], programs('aarch64-linux-gnu-g++'));
    expect(stderr).toMatch(/^prepack: nothing is packed, "repository" in package\.json is a placeholder/m);
    expect(status).not.toBe(0);
  });
});
