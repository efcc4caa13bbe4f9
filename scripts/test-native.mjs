// npm run test:native [-- address|thread|arm64|faults]
//
// Builds and runs the C++ unit tests of all code that needs no V8, once per sanitizer flavour, and for arm64 under qemu-user where
// that and a cross compiler are there; then (`npm run faults` by itself) makes each system call of that code fail
// (test/native/faults). The tests need cmake and doctest's headers, which npm cannot bring; without them the script skips the tests
// and says so.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './addon.mjs';
import { cannotCompile, crossCompiler, emulator, noEmulator } from './emulation.mjs';

const FLAVOURS = ['address', 'thread', 'arm64', 'faults'];

function missing() {
  if (spawnSync('cmake', ['--version']).status !== 0) return 'cmake is not installed (Debian: apt-get install cmake)';
  // Through a shell: CXX may hold more than a name ("ccache g++").
  const compiler = process.env.CXX ?? 'c++';
  const include = spawnSync(`${compiler} -E -x c++ -`, { shell: true, input: '#include <doctest/doctest.h>' });
  if (include.status !== 0) return 'doctest is not installed (Debian: apt-get install doctest-dev)';
  return undefined;
}

/** Further arguments of cmake, for a flavour. */
function settings(flavour, build) {
  if (flavour !== 'arm64') return [`-DSTACKFUL_SANITIZER=${flavour}`];
  // doctest's header by itself: the rest of its directory is this machine's, not the other's.
  const include = `${build}-include`;
  const header = spawnSync('sh', ['-c', "echo '#include <doctest/doctest.h>' | c++ -M -x c++ - | grep -o '/.*doctest/doctest.h'"]);
  mkdirSync(join(include, 'doctest'), { recursive: true });
  copyFileSync(header.stdout.toString().trim().split(/\s+/).at(-1), join(include, 'doctest/doctest.h'));
  const { CC, CXX } = crossCompiler('arm64');
  return [
    '-DCMAKE_SYSTEM_NAME=Linux', '-DCMAKE_SYSTEM_PROCESSOR=aarch64', `-DCMAKE_CXX_COMPILER=${CXX}`,
    `-DCMAKE_ASM_COMPILER=${CC}`, `-DCMAKE_CROSSCOMPILING_EMULATOR=${emulator('arm64').join(';')}`,
    `-DDOCTEST_INCLUDE_DIR=${include}`,
  ];
}

/** Configures, builds and runs one flavour; false at the first step that fails. */
async function test(flavour) {
  const faults = flavour === 'faults';
  const build = join(root, '.cache/native-tests', faults ? 'address' : flavour);
  const source = join(root, 'test/native');
  console.log(`\n=== native tests, ${flavour}`);
  const reason = flavour === 'arm64' && (cannotCompile('arm64') ?? noEmulator('arm64'));
  if (reason) {
    console.log(`native tests for arm64: SKIPPED, ${reason}`);
    return true;
  }
  for (const [command, args, quiet] of [
    ['cmake', ['-S', source, '-B', build, ...settings(faults ? 'address' : flavour, build)], true],
    ['cmake', ['--build', build, '--parallel', '2', ...(faults ? ['--target', 'native_faults'] : [])], true],
    faults ? [join(build, 'native_faults'), [], false] : ['ctest', ['--test-dir', build, '--output-on-failure', '--no-tests=error'], false],
  ]) {
    // The sanitizer does not know the coroutines' stacks; CMakeLists.txt tells ctest the same.
    const env = { ...process.env, ASAN_OPTIONS: 'detect_stack_use_after_return=0' };
    const { code, output } = await run(command, args, { quiet, env });
    if (code === 0) continue;
    if (quiet) console.error(output);
    console.error(`native tests: "${command} ${args.join(' ')}" failed (exit code ${code})`);
    return false;
  }
  return true;
}

const reason = missing();
if (reason) {
  console.log(`native tests: SKIPPED, ${reason}`);
} else {
  const wanted = process.argv.slice(2);
  for (const flavour of wanted.length > 0 ? wanted : FLAVOURS) if (!(await test(flavour))) process.exitCode = 1;
}
