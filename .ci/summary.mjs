// node .ci/summary.mjs REPORTS BROKEN_TEST_STEPS OTHER_BROKEN_STEPS
//
// Adds up vitest's JSON reports and prints "N passed, N failed"; exits with 1 when anything failed or nothing passed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [reports, testSteps, otherSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const name of readdirSync(reports).filter((file) => file.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(reports, name), 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  // A file that could not even be collected has no failed test to count.
  const uncounted = (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed');
  failed += report.testResults.filter(uncounted).length;
}
// A step that broke without a failed test to show for it (lint, the addon's build, a crashed run) has to be seen too.
if (failed === 0) failed = Number(testSteps);
failed += Number(otherSteps);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
