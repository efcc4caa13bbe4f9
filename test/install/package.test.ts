import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { addonFiles, repair } from '../../scripts/addon_file.mjs';
import { unsupported } from '../../lib/internal/supported.mjs';
import { installPackage, root, type Project } from '../support/installed.js';

let project: Project;
let installed = '';
let node: Project['node'];
beforeAll(() => {
  project = installPackage();
  ({ installed, node } = project);
});
afterAll(() => { project.remove(); });

/** A module to preload that makes Node look like another one. */
function pretend(changes: string): string {
  const file = join(project.directory, 'pretend.cjs');
  writeFileSync(file, changes);
  return file;
}
const OLD = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '23.4.0' } });";

/** Loads the package and prints what it is refused with. */
const LOAD = "import('stackful').then(() => { console.log('loaded'); }, (error) => { console.log(error.code, error.message); });";
const doctor = (args: string[] = []) => node([...args, join(installed, 'dist/cli.js'), 'doctor']);
const prebuilt = () => addonFiles(installed, { ...process, env: { PREBUILDS_ONLY: '1' } })[0]!;

/** Runs `fn` while no addon is packed. */
function withoutPrebuilds(fn: () => void): void {
  const moved = join(installed, 'prebuilds.away');
  renameSync(join(installed, 'prebuilds'), moved);
  try {
    fn();
  } finally {
    renameSync(moved, join(installed, 'prebuilds'));
  }
}

/** Runs a command as it would be pasted into a shell, anywhere. */
function shell(command: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd: '/', env: { PATH: join(project.directory, 'bin') }, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the packed package', () => {
  it('installs and runs without a compiler', () => {
    expect(node([join(installed, 'scripts/install.mjs')])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const program = "import { spawn, sleep } from 'stackful'; console.log(await spawn(() => (sleep(1), 42)));";
    writeFileSync(join(project.directory, 'program.mjs'), program);
    expect(node(['program.mjs'])).toMatchObject({ status: 0, stdout: '42\n', stderr: '' });
  });

  it('says in one line what to do where it has no addon and no compiler', () => {
    withoutPrebuilds(() => {
      const { status, stderr } = node([join(installed, 'scripts/install.mjs')]);
      expect(status).not.toBe(0);
      expect(stderr.trimEnd().split('\n').at(-1)).toContain('install python3, make and g++');
    });
  });

  it('names, where it has no addon, a command that makes one, in a folder of any name', () => {
    // In the place of npm, its call of node-gyp, and of node-gyp one that is done at once.
    const nodeGyp = join(project.directory, 'node-gyp.js');
    const npm = join(project.directory, 'bin/npm');
    writeFileSync(npm, `#!/bin/sh\necho "$@"\nfor call; do :; done\nnpm_config_node_gyp='${nodeGyp}' exec /bin/sh -c "$call"\n`, { mode: 0o755 });
    const odd = join(project.directory, "an odd folder's");
    const elsewhere = join(odd, 'node_modules/stackful');
    const [release] = addonFiles(elsewhere, { ...process, env: {} });
    writeFileSync(nodeGyp, `
      const { copyFileSync, mkdirSync } = require('node:fs');
      console.log(process.cwd(), process.argv[2]);
      mkdirSync('build/Release', { recursive: true });
      copyFileSync(${JSON.stringify(prebuilt())}, ${JSON.stringify(release)});
    `);
    cpSync(installed, elsewhere, { recursive: true, filter: (name) => !name.startsWith(join(installed, 'prebuilds')) });
    try {
      const { stdout } = node(['--input-type=module', '-e', LOAD], {}, odd);
      const [, command] = /: run "(node .*)"\n$/.exec(stdout)!;
      const { status, output } = shell(command!);
      expect(output).toContain('exec --loglevel=error --call');
      expect(output).toContain(`${elsewhere} rebuild`);
      expect(status).toBe(0);
      expect(node(['--input-type=module', '-e', LOAD], {}, odd).stdout).toBe('loaded\n');
      // Once it is there, no compiler is asked again.
      expect(shell(command!)).toEqual({ status: 0, output: '' });
    } finally {
      rmSync(npm);
      rmSync(odd, { recursive: true });
    }
  });

  it('has everything that its pages link to', () => {
    const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'docs/versions.md']));
    const missing: string[] = [];
    let count = 0;
    for (const page of pages) {
      const text = readFileSync(join(installed, page), 'utf8').replaceAll(/^```.*?^```|`[^`\n]*`/gms, '');
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href)="[^"]+"/g)) {
        if (target === undefined) missing.push(`${page}: HTML, which this test does not read`);
        else if (!/^(?:[a-z]+:|#)/i.test(target)) {
          count++;
          const file = join(installed, dirname(page), target.replace(/#.*/, ''));
          if (!file.startsWith(`${installed}/`) || !existsSync(file)) missing.push(`${page}: ${target}`);
        }
      }
    }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(5);
  });

  it('has a change log that begins with its version', () => {
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string };
    const headings = [...readFileSync(join(installed, 'CHANGELOG.md'), 'utf8').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading!);
    expect(headings.find((heading) => heading !== 'Unreleased')).toMatch(new RegExp(`^${version.replaceAll('.', '\\.')}( |$)`));
  });
});

/** Runs `fn` while another file, or none, is where the fitting addon was. */
function withAddon(file: string | undefined, fn: () => void): void {
  const away = `${prebuilt()}.away`;
  renameSync(prebuilt(), away);
  try {
    if (file) copyFileSync(file, prebuilt());
    fn();
  } finally {
    rmSync(prebuilt(), { force: true });
    renameSync(away, prebuilt());
  }
}

describe('an addon for another Node', () => {
  it('is not opened, wherever it lies, and one line says what to do', () => {
    // Opening it would fail, because it is no shared object.
    const other = join(installed, 'build/Release/stackful.abi999.node');
    const untagged = join(installed, 'build/Release/stackful.node');
    mkdirSync(join(installed, 'build/Release'), { recursive: true });
    for (const file of [other, untagged]) writeFileSync(file, 'not an addon');
    try {
      expect(node(['-e', LOAD]).stdout).toBe('loaded\n');
      withAddon(undefined, () => {
        const { stdout, status } = node(['-e', LOAD]);
        expect(stdout).toMatch(/^ERR_UNSUPPORTED_RUNTIME stackful has no addon for Node [^\n]*\n$/);
        expect(stdout).toContain(`: ${repair(installed)}\n`);
        expect(stdout).not.toMatch(/does not support|Supported are/);
        expect(status).toBe(0);
      });
    } finally {
      rmSync(join(installed, 'build'), { recursive: true });
    }
  });

  it('is what the doctor tells from one that fits', () => {
    const healthy = doctor();
    expect(healthy).toMatchObject({ status: 0, stderr: '' });
    expect(healthy.stdout).toContain(`file  ${prebuilt()}`);
    expect(healthy.stdout).toMatch(/version +\d+\.\d+\.\d+\n/);
    withAddon(undefined, () => {
      const { status, stdout, stderr } = doctor();
      expect(stdout).toContain(`none of `);
      expect(stderr).toMatch(/^stackful has no addon for Node [^\n]*\n$/);
      expect(stderr).toContain(`: ${repair(installed)}\n`);
      expect(status).toBe(1);
    });
  });

  it('under the name of one that fits is an error, and not the end of the process', (context) => {
    const directory = join(root, 'prebuilds', `linux-${process.arch}`);
    const names = existsSync(directory) ? readdirSync(directory) : [];
    const others = names.filter((name) => /^node\.abi\d+\.node$/.test(name) && !prebuilt().endsWith(name));
    if (others.length === 0) context.skip('no addon for another Node here: npm run matrix builds them');
    for (const name of others) {
      withAddon(join(directory, name), () => {
        const { stdout, status } = node(['-e', LOAD]);
        expect(stdout).toMatch(/^ERR_UNSUPPORTED_RUNTIME stackful's addon does not load \(.*\): run "node [^\n]*\n$/);
        expect(status).toBe(0);
      });
    }
  });

  it('that ends the process is survived by the doctor', () => {
    const hook = pretend("process.dlopen = () => { process.kill(process.pid, 'SIGSEGV'); };");
    const { status, stdout, stderr } = doctor(['-r', hook]);
    expect(stdout).toContain(`file  ${prebuilt()}`);
    expect(stderr).toContain(`the process that tried the addon was ended by SIGSEGV: ${repair(installed)}, and report`);
    expect(status).toBe(1);
  });
});

describe('an addon of another version', () => {
  it('is refused, with what to do about it', () => {
    const manifest = join(installed, 'package.json');
    const before = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, before.replace(/"version": "[^"]+"/, '"version": "9.8.7"'));
    try {
      const result = node(['-e', "import('stackful').catch((error) => { console.log(error.code, error.message); });"]);
      expect(result.stdout).toMatch(/^ERR_UNSUPPORTED_RUNTIME .*built from stackful \d.*this is 9\.8\.7: run "node .*install\.mjs"/);
      expect(result.stdout).not.toContain('does not support');
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
    const runtime = (node: string, platform = 'linux', arch = 'x64') => unsupported({ platform, arch, versions: { node } }, false);
    for (const version of ['20.19.0', '22.12.0', '24.9.0', '26.10.0']) expect(runtime(version)).toBeUndefined();
    expect(runtime('20.11.1')).toContain('20.19 or newer');
    expect(runtime('18.20.0')).toContain('install Node 20');
    expect(runtime('24.9.0', 'linux', 'arm64')).toBeUndefined();
    expect(runtime('24.9.0', 'linux', 'riscv64')).toContain('linux-riscv64');
    expect(runtime('24.9.0', 'darwin', 'arm64')).toContain('darwin-arm64');
    const other = (versions: Record<string, string>, musl = false) =>
      unsupported({ platform: 'linux', arch: 'x64', versions: { node: '24.9.0', ...versions } }, musl);
    expect(other({ bun: '1.0.0' })).toContain('Node itself, and this is Bun 1.0.0');
    expect(other({ electron: '39.1.0' })).toContain('Node itself, and this is Electron 39.1.0');
    expect(other({}, true)).toMatch(/needs glibc.*musl.*Debian/);
    expect(other({})).toBeUndefined();
  });
});
