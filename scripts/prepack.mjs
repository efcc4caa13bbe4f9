// Runs before `npm pack` and `npm publish` make the package. It brings dist/ up to date and, for both architectures and every
// supported line of Node, the addons in prebuilds/. An addon that cannot be built here ends it, with the reason: without prebuilt
// addons each user would compile for a minute and a half, or, where npm runs no install scripts, could not even import. Current
// addons are kept, which takes no time.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isCurrent, newestInput, root } from './addon.mjs';
import { cannotCompile, emulated } from './emulation.mjs';

const ARCHITECTURES = ['x64', 'arm64'];

/** Ends the process with the reason; nothing further is tried. */
function fail(reason) {
  console.error(`prepack: nothing is packed, ${reason}`);
  process.exit(1);
}

/** Runs a program, with its output on stderr: npm prints its own result on stdout. */
function run(command, args, what) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) fail(`${what} failed${error ? ` (${error.message})` : ''}`);
}

const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
if (process.env.npm_command === 'publish' && /\bexample\.org\b/.test(JSON.stringify(repository))) {
  fail('"repository" in package.json is a placeholder: npm\'s page takes links and figures from there');
}
// Checked before the other architecture's addons, which take minutes.
for (const arch of ARCHITECTURES.filter(emulated)) {
  const reason = cannotCompile(arch);
  if (reason) fail(`the addons for ${arch} cannot be built: ${reason}`);
}
const sources = newestInput();
for (const arch of ARCHITECTURES) {
  run(process.execPath, ['scripts/matrix.mjs', '--arch', arch, '--required'], `building the addons for ${arch}`);
}
if (newestInput() !== sources) fail('the sources of the addons were changed while they were built');
// An addon that is older than its sources now is not built any more: its line of Node is no longer supported.
const prebuilds = join(root, 'prebuilds');
for (const name of readdirSync(prebuilds, { recursive: true })) {
  const file = join(prebuilds, name);
  if (statSync(file).isFile() && !isCurrent(file)) rmSync(file);
}
// tsc leaves the output of sources that have been moved since.
rmSync(join(root, 'dist'), { recursive: true, force: true });
run('npm', ['run', '-s', 'compile'], 'compiling lib/');
