// npm run build:cmake [-- [--debug] [--commands] [--asan]]
//
// Builds the same addon as `npm run build`, at the same place, through cmake-js, and writes compile_commands.json for editors and
// clang-tidy (--commands: only that). binding.gyp stays the one list of sources and flags: gyp resolves it for this Node, whose
// common.gypi adds to it, and CMakeLists.txt gets the result. --asan: an addon under address sanitizer, which stays in
// .cache/cmake/asan, for scripts/asan.mjs to run.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { linkSources, markBuilt, root, runNodeGyp } from './addon.mjs';
import { addonFiles } from './addon_file.mjs';

const asan = process.argv.includes('--asan');
const config = process.argv.includes('--debug') ? 'Debug' : 'Release';
const [release, debug] = addonFiles(root, { ...process, env: {} });
const addon = config === 'Debug' ? debug : release;
const directory = join(root, '.cache/cmake');

function fail(message) {
  console.error(`build:cmake: ${message}`);
  process.exit(1);
}

/** The makefile that gyp writes for the addon. */
async function makefile() {
  linkSources(join(directory, 'gyp'));
  const { code, output } = await runNodeGyp({ directory: join(directory, 'gyp'), args: ['configure'], quiet: true });
  if (code !== 0) fail(`gyp does not read binding.gyp:\n${output}`);
  return readFileSync(join(directory, 'gyp/build/stackful.target.mk'), 'utf8');
}

/** The makefile's variables by name: one word a line, in quotes where a shell would need them. */
function variables(text) {
  const lists = text.matchAll(/^(\w+) :=((?: *\\\n[^\\\n]*)*)/gm);
  const words = (list) => list.split('\\').map((word) => word.trim().replace(/^'(.*)'$/, '$1')).filter(Boolean);
  return Object.fromEntries([...lists].map(([, name, list]) => [name, words(list)]));
}

/** The same for cmake, every word a bracket argument, in which no character is special. */
function settings(lists) {
  const of = (name) => lists[`${name}_${config}`] ?? fail(`gyp's makefile has no ${name}_${config}`);
  const sources = lists.OBJS.map((object) => {
    const file = join(root, object.replace(/^.*\$\(TARGET\)\//, '').replace(/\.o$/, ''));
    return ['.cc', '.S'].map((extension) => file + extension).find((name) => existsSync(name)) ?? fail(`no source of ${object}`);
  });
  // The heap and global variables only. On stacks the sanitizer would report correct code: V8 leaves C++ frames without a return,
  // so their marks stay, and the engine reads other coroutines' frames.
  const sanitize = ['-O1', '-g', '-fsanitize=address', '--param=asan-stack=0'];
  const checked = (words) => (asan ? [...words.filter((word) => !/^-(?:flto|O3|g1)/.test(word)), ...sanitize] : words);
  const groups = {
    PRODUCT: [basename(addon)],
    SOURCES: sources,
    INCLUDES: of('INCS').map((word) => word.replace(/^-I/, '').replace('$(srcdir)', join(directory, 'gyp'))),
    DEFINES: of('DEFS').map((word) => word.replace(/^-D/, '')),
    CFLAGS: checked(of('CFLAGS')),
    CFLAGS_CC: of('CFLAGS_CC'),
    LDFLAGS: checked(of('LDFLAGS')),
  };
  return Object.entries(groups).map(([name, words]) => `set(STACKFUL_${name} ${words.map((word) => `[==[${word}]==]`).join('\n  ')})\n`).join('');
}

if (spawnSync('cmake', ['--version']).status !== 0) fail('cmake is not installed (Debian: apt-get install cmake)');
const { CMake } = createRequire(import.meta.url)('cmake-js');
const name = asan ? 'asan' : config;
const out = join(directory, name);
const file = join(directory, `${name}.cmake`);
const text = settings(variables(await makefile()));
// A file with the same text keeps its time, so cmake keeps its build.
if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
const started = Date.now();
const cmake = new CMake({ directory: root, out, config, cMakeOptions: { STACKFUL_SETTINGS: file }, parallel: 2 });
try {
  await cmake.configure();
  if (!asan) copyFileSync(join(out, 'compile_commands.json'), join(root, 'compile_commands.json'));
  if (!process.argv.includes('--commands')) await build();
} catch (error) {
  fail(error.message);
}

/** Compiles, and puts the addon where the library looks for it. */
async function build() {
  await cmake.build();
  if (asan) return;
  mkdirSync(dirname(addon), { recursive: true });
  // In one step: a process may have the previous addon mapped, and node-gyp has a second name for it.
  copyFileSync(join(out, basename(addon)), `${addon}.tmp`);
  markBuilt(`${addon}.tmp`, started);
  renameSync(`${addon}.tmp`, addon);
  if (addon === debug) rmSync(release, { force: true });
}
