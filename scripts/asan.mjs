// npm run asan
//
// Runs the torture programs of test/children, and the tests of what has the most records that come and go, with the whole addon
// under address sanitizer, in a copy of the package, so that no test takes that addon for its own. The sanitizer's library is the
// first in the process, so it allocates the memory of V8's and Node's C++, too. It checks neither variables on stacks
// (scripts/cmake.mjs says why) nor leaks, because Node itself leaves a lot of memory at its end.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './addon.mjs';
import { addonFiles } from './addon_file.mjs';

/** The sanitizer says this once a process when a function does not return on a stack that it does not know. It is no error. */
const KNOWN = /^==\d+==WARNING: ASan is ignoring requested __asan_handle_no_return: .*\n.*\n.*issues\/189\n+/m;

/** The programs of test/children, with arguments that say how much to do: half a minute in all. */
const PROGRAMS = [
  ['torture.mjs', '500', '10'],
  ['quiet_torture.mjs', '300', '200'],
  ['reuse_torture.mjs', '300'],
  ['io_torture.mjs', '20', '10'],
  ['in_worker.mjs', './torture.mjs', '200', '10'],
  ['terminations.mjs', '10'],
  ['shared_channel.mjs', '5'],
];

/** Of these, all tests run inside a worker thread, but those that start other programs, into which the sanitizer would come, too. */
const ROOMS = ['test/http/http2', 'test/http/client/http2', 'test/websocket'];
const START_PROGRAMS = /clients\.test\.ts$/;

const library = spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout?.trim() ?? '';
if (!existsSync(library)) {
  console.log('asan: SKIPPED, the compiler has no libasan.so');
  process.exit(0);
}
const built = spawnSync(process.execPath, ['scripts/cmake.mjs', '--asan'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

const copy = join(root, '.cache/cmake/asan-package');
rmSync(copy, { recursive: true, force: true });
const [addon] = addonFiles(copy, { ...process, env: {} });
mkdirSync(join(addon, '..'), { recursive: true });
for (const name of ['package.json', 'vitest.config.ts', 'dist', 'lib', 'scripts', 'test']) {
  cpSync(join(root, name), join(copy, name), { recursive: true });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
copyFileSync(join(root, '.cache/cmake/asan/Release', basename(addon)), addon);

if (!readFileSync(addon).includes('__asan_init')) {
  console.error('asan: the addon was built without it');
  process.exit(1);
}
const env = { ...process.env, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_stack_use_after_return=0:detect_leaks=0' };
// Under the matrix this variable means an addon elsewhere.
delete env.PREBUILDS_ONLY;
for (const [program, ...args] of PROGRAMS) {
  const command = ['--expose-gc', join('test/children', program), ...args];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, command, { cwd: copy, env, encoding: 'utf8', timeout: 300_000 });
  const passed = status === 0 && /^ok [1-9]/.test(stdout) && stderr.replace(KNOWN, '') === '';
  console.log(`asan: ${[program, ...args].join(' ')}: ${passed ? stdout.trim() : `FAILED (${signal ?? `exit code ${status}`})\n${stdout}${stderr}`}`);
  if (!passed) process.exitCode = 1;
}

const tests = ROOMS.flatMap((room) => readdirSync(join(root, room)).map((name) => `${room}/${name}`))
  .filter((file) => file.endsWith('.test.ts') && !START_PROGRAMS.test(file));
const log = 'asan.log';
const { status, signal, stdout } = spawnSync(
  process.execPath,
  [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'threads', ...tests],
  {
    cwd: copy,
    env: { ...env, STACKFUL_POOL: 'threads', ASAN_OPTIONS: `${env.ASAN_OPTIONS}:log_path=${join(copy, log)}` },
    encoding: 'utf8',
    timeout: 600_000,
  },
);
const errors = readdirSync(copy).filter((name) => name.startsWith(log))
  .map((name) => readFileSync(join(copy, name), 'utf8').replace(KNOWN, ''));
if (status === 0 && errors.every((text) => text === '')) {
  console.log(`asan: ${ROOMS.join(' ')}:${/Tests (.*)/.exec(stdout)?.[1] ?? ''}`);
} else {
  console.error(`asan: ${ROOMS.join(' ')}: FAILED (${signal ?? `exit code ${status}`})\n${stdout}${errors.join('')}`);
  process.exitCode = 1;
}
