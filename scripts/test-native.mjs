// npm run test:native [-- address|thread]
//
// Builds and runs the C++ unit tests of everything that needs no V8, once per sanitizer flavour. They need cmake and
// doctest's headers, which npm cannot bring: without them the tests are skipped, saying so.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, run } from './addon.mjs';

const FLAVOURS = ['address', 'thread'];

function missing() {
  if (spawnSync('cmake', ['--version']).status !== 0) return 'cmake is not installed (Debian: apt-get install cmake)';
  // Through a shell: CXX may hold more than a name ("ccache g++").
  const compiler = process.env.CXX ?? 'c++';
  const include = spawnSync(`${compiler} -E -x c++ -`, { shell: true, input: '#include <doctest/doctest.h>' });
  if (include.status !== 0) return 'doctest is not installed (Debian: apt-get install doctest-dev)';
  return undefined;
}

/** Configures, builds and runs one flavour; false at the first step that fails. */
async function test(flavour) {
  const build = join(root, '.cache/native-tests', flavour);
  const source = join(root, 'test/native');
  console.log(`\n=== native tests, ${flavour} sanitizer`);
  for (const [command, args, quiet] of [
    ['cmake', ['-S', source, '-B', build, `-DSTACKFUL_SANITIZER=${flavour}`], true],
    ['cmake', ['--build', build, '--parallel', '2'], true],
    ['ctest', ['--test-dir', build, '--output-on-failure', '--no-tests=error'], false],
  ]) {
    const { code, output } = await run(command, args, { quiet });
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
