/**
 * Installing where npm runs no install scripts: asked not to, or by its policy. Each npm is fetched by its version. An install takes
 * seconds: `npm test` makes the one that most users will, CI's step "package" makes all, of what prepack has packed.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest';

import { repair } from '../../scripts/addon_file.mjs';
import { fetchPackage } from '../../scripts/fetch_package.mjs';
import { installPackage, type Project } from '../support/installed.js';

/** npm's message when it does not reach its registry. */
const UNREACHABLE = /E(?:NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|NETUNREACH|HOSTUNREACH)|ERR_SOCKET_TIMEOUT/;

let project: Project;
let archive = '';
let unreachable: string | undefined;
const all = process.env.STACKFUL_PACKAGE !== undefined;
const npms = all ? ['11.21.2', '12.2.2'] : ['12.2.2'];
const npmOf = (version: string) => join(project.directory, `npm-${version}`, 'bin/npm-cli.js');

beforeAll(async () => {
  project = installPackage();
  archive = project.archive();
  vi.stubEnv('npm_config_fetch_retries', '0');
  // As it is below `npm publish --dry-run --json --pack-destination`, where prepack fetches Nodes.
  for (const [name, value] of [['dry_run', 'true'], ['json', 'true'], ['pack_destination', '/nowhere']]) vi.stubEnv(`npm_config_${name}`, value);
  try {
    await Promise.all(npms.map((version) => fetchPackage('npm', version, join(project.directory, `npm-${version}`))));
  } catch (error) {
    unreachable = UNREACHABLE.exec((error as Error).message)?.[0];
    if (unreachable === undefined) throw error;
  } finally {
    vi.unstubAllEnvs();
  }
});
afterAll(() => { project.remove(); });

interface Result { status: number | null; stdout: string; stderr: string }

/** A user's project, empty so far. */
class Consumer {
  readonly directory: string;
  readonly installed: string;
  readonly #npm: string;
  readonly #bin: string;

  constructor(context: TestContext, version: string) {
    if (unreachable) context.skip(`the registry, from where npm ${version} comes, does not answer: ${unreachable}`);
    this.directory = join(project.directory, `consumer-${version}`);
    this.installed = join(this.directory, 'node_modules/stackful');
    this.#npm = npmOf(version);
    // The programs beside Node: those that npm needs, and no compiler.
    this.#bin = join(this.directory, 'bin');
    mkdirSync(this.#bin, { recursive: true });
    symlinkSync(process.execPath, join(this.#bin, 'node'));
    symlinkSync('/bin/sh', join(this.#bin, 'sh'));
    chmodSync(this.#npm, 0o755);
    symlinkSync(this.#npm, join(this.#bin, 'npm'));
  }

  #run(command: string, args: string[]): Result {
    const { HOME, npm_config_registry } = process.env;
    // npm's own patience with a connection that has stopped is five minutes, and a minute more before it tries again.
    const patience = { npm_config_fetch_timeout: '15000', npm_config_fetch_retries: '4', npm_config_fetch_retry_mintimeout: '500' };
    const env = { PATH: this.#bin, HOME, ...patience, ...(npm_config_registry && { npm_config_registry }) };
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: this.directory, env, encoding: 'utf8' });
    return { status, stdout, stderr };
  }

  /** npm install of the package, anew, where package.json says what scripts it allows. */
  install(allowScripts: Record<string, boolean>, ...args: string[]): Result {
    rmSync(this.installed, { recursive: true, force: true });
    const dependencies = { stackful: `file:${archive}` };
    writeFileSync(join(this.directory, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', dependencies, allowScripts }));
    return this.npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', ...args);
  }

  npm(...args: string[]): Result {
    return this.#run(process.execPath, [this.#npm, ...args]);
  }

  /** Runs a command line as a shell does. */
  shell(command: string): Result {
    return this.#run('/bin/sh', ['-c', command]);
  }

  /** The output of a program of the user's, or the error that refuses it. */
  program(): string {
    const program = `
      const refused = (error) => { console.log(error.code, error.message); process.exit(); };
      const { spawn, sleep } = await import('stackful').catch(refused);
      console.log(await spawn(() => (sleep(1), 42)));
    `;
    writeFileSync(join(this.directory, 'program.mjs'), program);
    const { stdout, stderr } = this.#run(process.execPath, ['program.mjs']);
    return stdout + stderr;
  }
}

describe.each(npms)('the package, installed by npm %s', (version) => {
  it('works where no install script runs, and says what to run where no addon fits', (context) => {
    const consumer = new Consumer(context, version);
    if (all) {
      // npm is told to run no scripts.
      expect(consumer.install({}, '--ignore-scripts')).toMatchObject({ status: 0 });
      expect(consumer.program()).toBe('42\n');
      // The policy forbids its script, and demands a decision on every script.
      expect(consumer.install({ [`file:${archive}`]: false }, '--strict-allow-scripts')).toMatchObject({ status: 0 });
      expect(consumer.program()).toBe('42\n');
    }
    // There is no decision on it, which npm 11 only warns of.
    if (version.startsWith('12')) {
      const { status, stderr } = consumer.install({});
      expect(stderr).toMatch(/1 package had install scripts blocked because they are not covered by allowScripts/);
      expect(status).toBe(0);
      expect(consumer.program()).toBe('42\n');
    }

    // npm 12 rebuilds nothing that is not allowed, and does not fail; what the error names does run, up to asking for a compiler.
    rmSync(join(consumer.installed, 'prebuilds'), { recursive: true });
    expect(consumer.program()).toMatch(/^ERR_UNSUPPORTED_RUNTIME stackful has no addon for Node [^\n]*\n$/);
    expect(consumer.program()).toContain(`: ${repair(consumer.installed)}\n`);
    const [, command] = /^run "(.*)"$/.exec(repair(consumer.installed))!;
    const { status, stdout, stderr } = consumer.shell(command!);
    expect(stdout + stderr).toMatch(/gyp ERR! find Python/);
    expect(stderr.trimEnd().split('\n').at(-1)).toContain('install python3, make and g++');
    expect(status).not.toBe(0);
  });
});
