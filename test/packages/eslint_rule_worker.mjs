// The worker of eslint_rule.mjs.
import { setTimeout as delay } from 'node:timers/promises';
import { runAsWorker } from 'synckit';

const KNOWN = new Set(['a', 'word', 'that', 'is', 'known']);
runAsWorker(async (text) => {
  await delay(20);
  return text.trim().split(/\s+/).filter((word) => !KNOWN.has(word));
});
