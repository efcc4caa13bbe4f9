// Runs when the package is installed: takes the addon that came with it for this Node (prebuilds/), or compiles one.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { unsupported, version } from './supported.mjs';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

/** Is there an addon of this version, and can this machine load it? One for another C library, say, it could not. */
function loads() {
  try {
    return require('node-gyp-build')(root).version === version;
  } catch {
    return false;
  }
}

const problem = unsupported(process);
if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else if (!loads()) {
  const build = require.resolve('node-gyp-build/bin.js');
  const env = { ...process.env, JOBS: process.env.JOBS ?? 'max', npm_config_build_from_source: 'true' };
  const { status } = spawnSync(process.execPath, [build], { cwd: root, stdio: 'inherit', env });
  if (status !== 0) {
    console.error('stackful has no addon for this Node and cannot compile one: install python3, make and g++ 12 or newer');
    process.exitCode = status ?? 1;
  }
}
