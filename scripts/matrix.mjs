// npm run matrix -- [--arch x64|arm64] [--node MAJOR|VERSION]... [COMMAND [ARGUMENT...]]
//
// Runs a command, if there is one, once under every supported Node, each with an addon built for it. Nodes are fetched on demand
// into .cache/nodes/, addons land in prebuilds/ under the names node-gyp-build looks for, and the command sees
// that Node first in PATH with PREBUILDS_ONLY=1, so build/Release stays what the developer made it. Nodes of another
// architecture than this machine's run under emulation (scripts/emulation.mjs).
import { existsSync, mkdirSync, renameSync, symlinkSync, copyFileSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isCurrent, markBuilt, root, run, runNodeGyp } from './addon.mjs';
import { cannotCompile, cannotRun, crossCompiler, emulated, guestEnvironment } from './emulation.mjs';
import { fetchPackage } from './fetch_package.mjs';

/** The supported Nodes. The only place they are listed. */
const NODE_VERSIONS = {
  x64: ['20.20.2', '22.23.3', '24.9.0', '26.10.0'],
  arm64: ['20.20.2', '22.23.3', '24.22.0', '26.10.0'],
};

const cache = join(root, '.cache');

function fail(message) {
  console.error(`matrix: ${message}`);
  process.exit(2);
}

function parse(argv) {
  const wanted = [];
  let arch = process.arch;
  let i = 0;
  for (; i < argv.length && argv[i].startsWith('--'); i++) {
    if (argv[i] === '--') {
      i++;
      break;
    }
    if (argv[i] === '--node') wanted.push(...(argv[++i] ?? '').split(','));
    else if (argv[i].startsWith('--node=')) wanted.push(...argv[i].slice(7).split(','));
    else if (argv[i] === '--arch') arch = argv[++i];
    else fail(`unknown option ${argv[i]}`);
  }
  const command = argv.slice(i);
  const all = NODE_VERSIONS[arch] ?? fail(`no architecture "${arch}"; there are ${Object.keys(NODE_VERSIONS).join(' and ')}`);
  const versions = all.filter(
    (version) => wanted.length === 0 || wanted.some((w) => version === w || version.startsWith(`${w}.`)),
  );
  for (const w of wanted) {
    if (!all.some((v) => v === w || v.startsWith(`${w}.`))) fail(`no supported Node matches "${w}"`);
  }
  return { arch, versions, command };
}

/** Directory of an unpacked Node: bin/node, include/node. */
const directoryOf = (version) => join(cache, 'nodes', target, version);

/** Makes prebuilds/linux-ARCH/node.abiNNN.node for one Node unless it is newer than all its sources. */
async function buildAddon(version) {
  const nodeDirectory = directoryOf(version);
  const abi = /NODE_MODULE_VERSION (\d+)/.exec(
    readFileSync(join(nodeDirectory, 'include/node/node_version.h'), 'utf8'),
  )?.[1];
  const prebuild = join(root, 'prebuilds', target, `node.abi${abi}.node`);
  if (isCurrent(prebuild)) return;
  const started = Date.now();
  // node-gyp only builds into ./build, so every Node has a directory of its own with links to the sources.
  const directory = join(cache, 'addon', target, version);
  mkdirSync(directory, { recursive: true });
  for (const name of ['native', 'node_modules', 'package.json', 'binding.gyp']) {
    if (!existsSync(join(directory, name))) symlinkSync(join(root, name), join(directory, name));
  }
  const verb = existsSync(join(directory, 'build/Makefile')) ? ['configure', 'build'] : ['rebuild'];
  // Another architecture's Node would run node-gyp under emulation, which takes minutes; any Node can cross compile.
  const how = emulated(arch)
    ? { headers: nodeDirectory, args: [...verb, `--arch=${arch}`], env: crossCompiler(arch) }
    : { node: join(nodeDirectory, 'bin/node'), args: verb };
  const { code, output } = await runNodeGyp({ directory, jobs: 1, quiet: true, ...how });
  if (code !== 0) throw new Error(`the addon does not build for Node ${version}:\n${output}`);
  mkdirSync(dirname(prebuild), { recursive: true });
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
        await fetchPackage(`node-${target}`, version, directoryOf(version));
        await buildAddon(version);
      } catch (error) {
        failures.set(version, error);
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return failures;
}

const { arch, versions, command } = parse(process.argv.slice(2));
const target = `linux-${arch}`;

/** Ends here if there is a reason why this machine cannot do what is asked. */
function skipFor(reason) {
  if (!reason) return;
  console.log(`matrix: ${arch} SKIPPED, ${reason}`);
  process.exit(0);
}

if (emulated(arch)) skipFor(cannotCompile(arch));
const failures = await prepare(versions);
if (emulated(arch) && command.length > 0 && failures.size === 0) skipFor(cannotRun(arch, join(directoryOf(versions[0]), 'bin/node')));
const verdicts = [];
for (const version of versions) {
  const started = Date.now();
  let verdict;
  if (failures.has(version)) {
    console.error(failures.get(version).message);
    verdict = 'not built';
  } else if (command.length === 0) {
    verdict = 'built';
  } else {
    console.log(`\n=== Node ${version}, ${arch}: ${command.join(' ')}`);
    const PATH = `${join(directoryOf(version), 'bin')}${delimiter}${process.env.PATH}`;
    const env = { ...process.env, PATH, PREBUILDS_ONLY: '1', ...(await guestEnvironment(arch)) };
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
