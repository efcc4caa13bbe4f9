// The worker of test/patch/atomics.test.ts.
import { runAsWorker } from 'synckit';

runAsWorker(async (n, ms) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (typeof n !== 'number') throw new TypeError(`no number: ${n}`);
  return 2 * n;
});
