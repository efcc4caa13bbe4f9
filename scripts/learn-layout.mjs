// npm run learn-layout -- [VERSION] [--from V8_MAJOR] [--without V8_MAJOR]
//
// Prints a candidate block of native/engine/v8_layout.h for a Node that is not in it, such as 25.9.0 (fetched from npm), or for
// the Node that runs this, by the addon's own searches: it begins with the numbers of a V8 we know (--from; the next older
// one), changes them one after the other, and keeps each change that lets the search get further, until V8's behaviour confirms
// all of them (scripts/learn/search.mjs). --without takes one of the blocks for unknown, to see whether the search finds it. Every
// trial runs in a child process. Numbers that no search covers are copied, and marked.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, runNodeGyp } from './addon.mjs';
import { addonFile } from './addon_file.mjs';
import { fetchPackage } from './fetch_package.mjs';
import { blocks, numbersOf, render } from './learn/blocks.mjs';
import { learn } from './learn/search.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { from: { type: 'string' }, without: { type: 'string' } } });

function fail(message) {
  console.error(`learn-layout: ${message}`);
  process.exit(1);
}

/** The unknown Node: its program, its V8, and an addon that was compiled with its headers. */
async function subject(version) {
  if (!version) return { node: process.execPath, v8: process.versions.v8, version: process.versions.node, addon: addonFile(root, process) };
  const target = `linux-${process.arch}`;
  const directory = join(root, '.cache/nodes', target, version);
  await fetchPackage(`node-${target}`, version, directory);
  const node = join(directory, 'bin/node');
  const { output } = await run(node, ['-p', 'process.versions.v8'], { quiet: true });
  const v8 = output.trim();
  const build = join(root, '.cache/learn', version);
  mkdirSync(build, { recursive: true });
  for (const name of ['native', 'node_modules', 'package.json', 'binding.gyp']) {
    if (!existsSync(join(build, name))) symlinkSync(join(root, name), join(build, name));
  }
  // Any block that it compiles with will do: the numbers are changed when it runs.
  const known = nearest(Number.parseInt(v8));
  console.log(`learn-layout: compiling for Node ${version} (V8 ${v8}) with the block of V8 ${known}`);
  const env = { CXXFLAGS: `-DSTACKFUL_LAYOUT=${known}` };
  const { code, output: log } = await runNodeGyp({ directory: build, node, args: ['configure', 'build'], env, quiet: true });
  if (code !== 0) {
    const errors = log.split('\n').filter((line) => /error:/.test(line));
    fail(`the addon does not compile for Node ${version}, so V8's public API has changed first:\n${errors.join('\n') || log}`);
  }
  const abi = /NODE_MODULE_VERSION (\d+)/.exec(readFileSync(join(directory, 'include/node/node_version.h'), 'utf8'))[1];
  return { node, v8, version, addon: join(build, `build/Release/stackful.abi${abi}.node`) };
}

/** The newest V8 we know that is not newer, or the oldest. */
function nearest(major) {
  const known = Object.keys(blocks).map(Number).filter((one) => one !== Number(values.without));
  return known.findLast((one) => one <= major) ?? known[0];
}

const { node, v8, version, addon } = await subject(positionals[0]);
const from = Number(values.from ?? nearest(Number.parseInt(v8)));
if (!blocks[from]) fail(`--from ${values.from}: known are V8 ${Object.keys(blocks).join(', ')}`);
console.log(`learn-layout: Node ${version}, V8 ${v8}, beginning with the block of V8 ${from} (Node ${blocks[from].node})`);

const known = Object.keys(blocks).filter((one) => one !== values.without).map(numbersOf);
const learned = learn({ node, addon, start: numbersOf(from), known, tell: (line) => { console.log(`learn-layout: ${line}`); } });
if (!learned.found) {
  const got = Object.entries(learned.changed).map(([name, [before, after]]) => `${name} ${before} -> ${after}`);
  fail(`no change of a number gets past "${learned.reason}". Changed until then: ${got.join(', ') || 'nothing'}`);
}
for (const name of learned.loose) console.log(`learn-layout: ${name} is not pinned down: another value is believed, too`);
console.log(`\n${render({ from, node: Number.parseInt(version), v8, numbers: learned.numbers })}`);
