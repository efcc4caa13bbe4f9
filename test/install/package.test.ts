import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { unsupported } from '../../scripts/supported.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// A project with the packed package in it, the dependencies of which are this folder's. No program but Node is there.
let project = '';
let installed = '';
const env = () => ({ PATH: join(project, 'bin'), CC: '/bin/false', CXX: '/bin/false' });
const node = (args: string[], more: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, args, { cwd: project, env: { ...env(), ...more }, encoding: 'utf8' });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'stackful-package-'));
  installed = join(project, 'node_modules/stackful');
  mkdirSync(installed, { recursive: true });
  mkdirSync(join(project, 'bin'));
  symlinkSync(process.execPath, join(project, 'bin/node'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', project], { cwd: root });
  const archive = readdirSync(project).find((name) => name.endsWith('.tgz'))!;
  execFileSync('tar', ['xzf', join(project, archive), '-C', installed, '--strip-components=1']);
  // Without `npm run prebuild` before, the addon that was built here stands for the one it would have made.
  const target = `prebuilds/linux-${process.arch}`;
  const prebuild = join(installed, target, `node.abi${process.versions.modules}.node`);
  if (!existsSync(prebuild)) {
    mkdirSync(join(installed, target), { recursive: true });
    copyFileSync(join(root, 'build/Release/stackful.node'), prebuild);
  }
});
afterAll(() => { rmSync(project, { recursive: true, force: true }); });

/** A module to preload that makes Node look like another one. */
function pretend(changes: string): string {
  const file = join(project, 'pretend.cjs');
  writeFileSync(file, changes);
  return file;
}
const OLD = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '23.4.0' } });";

describe('the packed package', () => {
  it('installs and runs without a compiler', () => {
    expect(node([join(installed, 'scripts/install.mjs')])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const program = "import { spawn, sleep } from 'stackful'; console.log(await spawn(() => (sleep(1), 42)));";
    writeFileSync(join(project, 'program.mjs'), program);
    expect(node(['program.mjs'])).toMatchObject({ status: 0, stdout: '42\n', stderr: '' });
  });

  it('says in one line what to do where it has no addon and no compiler', () => {
    const moved = join(installed, 'prebuilds.away');
    execFileSync('mv', [join(installed, 'prebuilds'), moved]);
    try {
      const { status, stderr } = node([join(installed, 'scripts/install.mjs')]);
      expect(status).not.toBe(0);
      expect(stderr.trimEnd().split('\n').at(-1)).toContain('install python3, make and g++');
    } finally {
      execFileSync('mv', [moved, join(installed, 'prebuilds')]);
    }
  });
});

describe('an addon of another version', () => {
  it('is refused, with what to do about it', () => {
    const manifest = join(installed, 'package.json');
    const before = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, before.replace(/"version": "[^"]+"/, '"version": "9.8.7"'));
    try {
      const result = node(['-e', "import('stackful').catch((error) => { console.log(error.code, error.message); });"]);
      expect(result.stdout).toMatch(/^ERR_UNSUPPORTED_RUNTIME .*built from stackful \d.*this is 9\.8\.7: run "npm rebuild stackful"/);
    } finally {
      writeFileSync(manifest, before);
    }
  });
});

describe('a Node that is not supported', () => {
  const line = /^stackful does not know Node 23\.4\.0: install Node 20, 22, 24 or 26 .*\n$/;

  it('is refused at installation, in one line', () => {
    const result = node(['-r', pretend(OLD), join(installed, 'scripts/install.mjs')]);
    expect(result).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(line) as string });
  });

  it('is refused when loading, with the same line', () => {
    const program = "import('stackful').catch((error) => { console.log(error.code); console.error(error.message); });";
    const result = node(['-r', pretend(OLD), '-e', program]);
    expect(result.stdout).toBe('ERR_UNSUPPORTED_RUNTIME\n');
    expect(result.stderr).toContain('stackful does not know Node 23.4.0');
    expect(result.stderr.trimEnd()).not.toContain('\n');
  });

  it('is told from one that is', () => {
    const runtime = (node: string, platform = 'linux', arch = 'x64') => unsupported({ platform, arch, versions: { node } });
    for (const version of ['20.19.0', '22.12.0', '24.9.0', '26.10.0']) expect(runtime(version)).toBeUndefined();
    expect(runtime('20.11.1')).toContain('20.19 or newer');
    expect(runtime('18.20.0')).toContain('install Node 20');
    expect(runtime('24.9.0', 'linux', 'arm64')).toBeUndefined();
    expect(runtime('24.9.0', 'linux', 'riscv64')).toContain('linux-riscv64');
    expect(runtime('24.9.0', 'darwin', 'arm64')).toContain('darwin-arm64');
    expect(unsupported({ platform: 'linux', arch: 'x64', versions: { node: '24.0.0', bun: '1.0.0' } })).toContain('Node itself');
  });
});
