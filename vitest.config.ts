import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const lib = fileURLToPath(new URL('./lib', import.meta.url));

// STACKFUL_POOL=threads runs the same tests inside worker threads: everything native is per environment. Those that run the library
// in child processes only would test nothing else there, and stay in processes.
const inThreads = process.env.STACKFUL_POOL === 'threads';

const files = readdirSync(new URL('./test', import.meta.url), { recursive: true, encoding: 'utf8' });
const tests = files.filter((file) => file.endsWith('.test.ts')).map((file) => `test/${file}`);

/** Does a test take nothing of the library itself? */
function runsChildrenOnly(file: string): boolean {
  const children = /^\.[./]*\/(?:support\/|scripts\/|program\.js)/;
  const imported = readFileSync(file, 'utf8').matchAll(/^(?:import|\}| {2}type \w+\}).*?'([^']+)'/gm);
  return [...imported].every(([, from]) => !from!.startsWith('stackful') && (!from!.startsWith('.') || children.test(from!)));
}

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
    pool: 'forks',
    ...(inThreads
      ? {
          projects: [
            { extends: true, test: { name: 'threads', pool: 'threads', include: tests.filter((file) => !runsChildrenOnly(file)) } },
            { extends: true, test: { name: 'processes', include: tests.filter(runsChildrenOnly) } },
          ],
        }
      : { include: tests }),
    setupFiles: ['test/support/equal_bytes.ts'],
    maxWorkers: 2,
    minWorkers: 1,
    // Longer than a child process may take (test/support/child.ts), so that it is the child that says what it was doing.
    testTimeout: 150_000,
    hookTimeout: 60_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports && { outputFile: { json: `${reports}/${inThreads ? 'threads' : 'forks'}-${process.version}-${process.pid}.json` } }),
  },
});
