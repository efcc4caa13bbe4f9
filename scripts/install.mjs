// Runs when the package is installed, or by hand where npm runs no install scripts: takes the addon that came with it for this
// Node (prebuilds/), or compiles one.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonFile, addonFiles } from './addon_file.mjs';
import { unsupported, version } from '../lib/internal/supported.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Is there an addon of this version, and can this machine load it? A child process tries, because a broken addon may end it. */
function loads() {
  const file = addonFile(root, process);
  const program = 'process.exitCode = require(process.argv[1]).version === process.argv[2] ? 0 : 1';
  return file !== undefined && spawnSync(process.execPath, ['-e', program, file, version], { stdio: 'ignore' }).status === 0;
}

/** Runs node-gyp; the exit code. */
function nodeGyp(verb) {
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, JOBS: process.env.JOBS ?? 'max' } };
  // npm and pnpm bring a node-gyp and tell their scripts where it is. Without them `npm` runs it, with its settings.
  const { npm_config_node_gyp: bundled } = process.env;
  if (bundled) return spawnSync(process.execPath, [bundled, verb], options).status ?? 1;
  const call = `${JSON.stringify(process.execPath)} "$npm_config_node_gyp" ${verb}`;
  const { status, error } = spawnSync('npm', ['exec', '--loglevel=error', '--call', call], options);
  if (error?.code === 'ENOENT') return spawnSync('node-gyp', [verb], options).status ?? 1;
  return status ?? 1;
}

/** Compiles one; the exit code. */
function compile() {
  const code = nodeGyp('rebuild');
  if (code !== 0) return code;
  // A build for another Node empties build/; in prebuilds/ each addon has a place of its own.
  const [built] = addonFiles(root, { ...process, env: {} });
  const [kept] = addonFiles(root, { ...process, env: { PREBUILDS_ONLY: '1' } });
  mkdirSync(dirname(kept), { recursive: true });
  copyFileSync(built, kept);
  return 0;
}

const problem = unsupported(process);
if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else if (!loads()) {
  process.exitCode = compile();
  if (process.exitCode !== 0) {
    console.error('stackful has no addon for this Node and cannot compile one: install python3, make and g++ 12 or newer');
  }
}
