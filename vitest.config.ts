import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const lib = fileURLToPath(new URL('./lib', import.meta.url));

// STACKFUL_POOL=threads runs the same tests inside worker threads: everything native is per environment.
const pool = process.env.STACKFUL_POOL === 'threads' ? 'threads' : 'forks';

// A directory that each run adds a JSON report to; CI sums them up.
const reports = process.env.STACKFUL_TEST_REPORTS;

export default defineConfig({
  resolve: {
    // Tests import what a user would; they get the sources. Child processes get dist/, as built by `npm test`.
    alias: [
      { find: /^stackful$/, replacement: `${lib}/index.ts` },
      { find: /^stackful\/([a-z_]+)$/, replacement: `${lib}/$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool,
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports && { outputFile: { json: `${reports}/${pool}-${process.version}-${process.pid}.json` } }),
  },
});
