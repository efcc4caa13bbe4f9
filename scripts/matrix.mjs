// npm run matrix -- [--arch x64|arm64] [--node MAJOR|VERSION|newest]... [--others] [--patches] [--required] [COMMAND [ARGUMENT...]]
//
// Runs a command, if there is one, once under every supported Node, each with an addon built for it. Nodes are fetched on demand
// into .cache/nodes/, addons land in prebuilds/ under the names scripts/addon_file.mjs looks for, and the command sees
// that Node first in PATH with PREBUILDS_ONLY=1, so build/Release stays what the developer made it. Nodes of another
// architecture than this machine's run under emulation (scripts/emulation.mjs).
//
// --others: without the line of the Node that runs this. --patches: instead of those, the oldest and the newest release of each
// supported line, with the addon that was built for the line, as users run them. --node newest: the newest Node of all, known
// to the engine or not; an unknown one has no addon. --required: a machine without the necessary tools fails, instead of
// skipping.
import { existsSync, mkdirSync, renameSync, copyFileSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isCurrent, linkSources, markBuilt, root, run, runNodeGyp } from './addon.mjs';
import { cannotCompile, cannotRun, crossCompiler, emulated, guestEnvironment } from './emulation.mjs';
import { fetchPackage } from './fetch_package.mjs';
import { unsupported } from '../lib/internal/supported.mjs';

/** The supported Nodes, one a line. The only place they are listed. */
const NODE_VERSIONS = {
  x64: ['20.20.2', '22.23.3', '24.9.0', '26.10.0'],
  arm64: ['20.20.2', '22.23.3', '24.22.0', '26.10.0'],
};

/** Their ABIs, by which a current addon is known without its Node. */
const ABI = { 20: 115, 22: 127, 24: 137, 26: 147 };

const cache = join(root, '.cache');

function fail(message) {
  console.error(`matrix: ${message}`);
  process.exit(2);
}

function parse(argv) {
  const wanted = [];
  let arch = process.arch;
  let [others, patches, required] = [false, false, false];
  let i = 0;
  for (; i < argv.length && argv[i].startsWith('--'); i++) {
    if (argv[i] === '--') {
      i++;
      break;
    }
    if (argv[i] === '--node') wanted.push(...(argv[++i] ?? '').split(','));
    else if (argv[i].startsWith('--node=')) wanted.push(...argv[i].slice(7).split(','));
    else if (argv[i] === '--arch') arch = argv[++i];
    else if (argv[i] === '--others') others = true;
    else if (argv[i] === '--patches') patches = true;
    else if (argv[i] === '--required') required = true;
    else fail(`unknown option ${argv[i]}`);
  }
  const command = argv.slice(i);
  const table = NODE_VERSIONS[arch] ?? fail(`no architecture "${arch}"; there are ${Object.keys(NODE_VERSIONS).join(' and ')}`);
  return { arch, table, wanted, others, patches, required, command };
}

/** Is it this version, or one of this line? */
const matches = (version, wanted) => version === wanted || version.startsWith(`${wanted}.`);
const lineOf = (version) => version.slice(0, version.indexOf('.'));

/** Every release of Node for `target` that npm has, oldest first. */
async function releases() {
  const { code, output } = await run('npm', ['view', `node-${target}`, 'versions', '--json'], { quiet: true });
  if (code !== 0) fail(`npm does not say which Nodes there are:\n${output}`);
  const numbers = (version) => version.split('.').map(Number);
  const released = JSON.parse(output).filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  const newer = ([a, b, c], [d, e, f]) => a - d || b - e || c - f;
  return released.sort((one, other) => newer(numbers(one), numbers(other)));
}

/** The Nodes to run under. */
async function choose({ table, wanted, others, patches }) {
  let all = others ? table.filter((version) => lineOf(version) !== lineOf(process.versions.node)) : table;
  if (patches || wanted.includes('newest')) {
    const released = await releases();
    const ends = (version) => [
      released.find((one) => lineOf(one) === lineOf(version) && !unsupported({ platform: 'linux', arch, versions: { node: one } }, false)),
      released.findLast((one) => lineOf(one) === lineOf(version)),
    ];
    if (patches) all = [...new Set(table.flatMap(ends))].filter((version) => !table.includes(version));
    if (wanted.includes('newest')) return released.slice(-1);
  }
  for (const w of wanted) if (!all.some((v) => matches(v, w))) fail(`no supported Node matches "${w}"`);
  return all.filter((version) => wanted.length === 0 || wanted.some((w) => matches(version, w)));
}

/** Directory of an unpacked Node: bin/node, include/node. */
const directoryOf = (version) => join(cache, 'nodes', target, version);

/** Makes prebuilds/linux-ARCH/node.abiNNN.node for one Node of the table unless it is newer than all its sources. */
async function buildAddon(version) {
  const abi = ABI[lineOf(version)];
  const prebuild = join(root, 'prebuilds', target, `node.abi${abi}.node`);
  if (isCurrent(prebuild)) return;
  const nodeDirectory = directoryOf(version);
  await fetchPackage(`node-${target}`, version, nodeDirectory);
  const header = readFileSync(join(nodeDirectory, 'include/node/node_version.h'), 'utf8');
  if (!header.includes(`NODE_MODULE_VERSION ${abi}\n`)) throw new Error(`the ABI of Node ${version} is not ${abi}`);
  const started = Date.now();
  const directory = join(cache, 'addon', target, version);
  linkSources(directory);
  const verb = existsSync(join(directory, 'build/Makefile')) ? ['configure', 'build'] : ['rebuild'];
  // Another architecture's Node would run node-gyp under emulation, which takes minutes; any Node can cross compile.
  const how = emulated(arch)
    ? { headers: nodeDirectory, args: [...verb, `--arch=${arch}`], env: crossCompiler(arch) }
    : { node: join(nodeDirectory, 'bin/node'), args: verb };
  const { code, output } = await runNodeGyp({ directory, quiet: true, ...how });
  if (code !== 0) throw new Error(`the addon does not build for Node ${version}:\n${output}`);
  mkdirSync(dirname(prebuild), { recursive: true });
  copyFileSync(join(directory, `build/Release/stackful.abi${abi}.node`), `${prebuild}.tmp`);
  markBuilt(`${prebuild}.tmp`, started);
  renameSync(`${prebuild}.tmp`, prebuild);
}

/** Fetches and builds for every Node; the value is an error or undefined, per version. */
async function prepare(versions) {
  const failures = new Map();
  const built = new Map();
  for (const version of versions) {
    try {
      if (command.length > 0) await fetchPackage(`node-${target}`, version, directoryOf(version));
      // A line has one addon, also if two of its Nodes are wanted.
      const known = table.find((one) => lineOf(one) === lineOf(version));
      if (known && !built.has(known)) built.set(known, buildAddon(known));
      await built.get(known);
    } catch (error) {
      failures.set(version, error);
    }
  }
  return failures;
}

const options = parse(process.argv.slice(2));
const { arch, table, command } = options;
const target = `linux-${arch}`;
const versions = await choose(options);

/** Ends the process if there is a reason why this machine cannot do it. */
function skipFor(reason) {
  if (!reason) return;
  if (options.required) fail(`${arch} cannot be done here, ${reason}`);
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
