// node scripts/build.mjs [--debug]
//
// Builds build/Release/stackful.abiNNN.node when it is missing, older than its sources, or made for another Node.
// With --debug: build/Debug/stackful.abiNNN.node, unoptimised; Release is removed, since it would be loaded first.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isCurrent, markBuilt, root, runNodeGyp } from './addon.mjs';
import { addonFiles } from './addon_file.mjs';

const debug = process.argv.includes('--debug');
const [release, unoptimised] = addonFiles(root, { ...process, env: {} });
const addon = debug ? unoptimised : release;

/** True when build/ was configured for the ABI of the Node running this. */
function configuredForThisNode() {
  const config = join(root, 'build/config.gypi');
  const abi = existsSync(config) && /"node_module_version": (\d+)/.exec(readFileSync(config, 'utf8'))?.[1];
  return abi === process.versions.modules;
}

async function build() {
  console.log(`addon: building for Node ${process.versions.node}`);
  const started = Date.now();
  // Make recompiles changed sources; it does not notice when the headers are another Node's.
  const verbs = configuredForThisNode() ? ['configure', 'build'] : ['rebuild'];
  const args = debug ? [...verbs, '--debug'] : verbs;
  const { code, output } = await runNodeGyp({ directory: root, args, quiet: true });
  if (code !== 0) {
    console.error(`${output}\naddon: the build failed (exit code ${code})`);
    return code;
  }
  for (const line of output.split('\n')) if (line.includes('warning:')) console.log(line);
  markBuilt(addon, started);
  return 0;
}

if (process.env.PREBUILDS_ONLY) {
  // Under `npm run matrix` the addon comes from prebuilds/; building here would replace the developer's own.
  console.log('addon: taken from prebuilds/');
} else if (configuredForThisNode() && isCurrent(addon)) {
  console.log('addon: up to date');
} else {
  process.exitCode = await build();
}
if (debug) rmSync(release, { force: true });
