import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const lib = fileURLToPath(new URL('./lib', import.meta.url));

// STACKFUL_POOL=threads runs the same tests inside worker threads: everything native is per environment.
const pool = process.env.STACKFUL_POOL === 'threads' ? 'threads' : 'forks';

/** Tests that take nothing of the library run it in child processes, which a worker thread tests no better. */
function runChildrenOnly(): string[] {
  const files = readdirSync(new URL('./test', import.meta.url), { recursive: true, encoding: 'utf8' });
  const tests = files.filter((file) => file.endsWith('.test.ts')).map((file) => `test/${file}`);
  const children = /^\.[./]*\/(?:support\/|scripts\/|program\.js)/;
  return tests.filter((file) => {
    const imported = readFileSync(file, 'utf8').matchAll(/^(?:import|\}| {2}type \w+\}).*?'([^']+)'/gm);
    return [...imported].every(([, from]) => !from!.startsWith('stackful') && (!from!.startsWith('.') || children.test(from!)));
  });
}
const leftOut = pool === 'threads' ? runChildrenOnly() : [];
if (leftOut.length > 0) console.log(`in worker threads ${leftOut.length} files are left out, which run the library in child processes only`);

// A directory that each run adds a JSON report to; CI sums them up.
const reports = process.env.STACKFUL_TEST_REPORTS;

export default defineConfig({
  resolve: {
    // Tests import what a user would; they get the sources. Child processes get dist/, as built by `npm test`.
    alias: [
      { find: /^stackful$/, replacement: `${lib}/index.ts` },
      { find: /^stackful\/([a-z_/]+)$/, replacement: `${lib}/$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...leftOut],
    pool,
    maxWorkers: 2,
    minWorkers: 1,
    // Longer than a child process may take (test/support/child.ts), so that it is the child that says what it was doing.
    testTimeout: 150_000,
    hookTimeout: 60_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports && { outputFile: { json: `${reports}/${pool}-${process.version}-${process.pid}.json` } }),
  },
});
