// domain.mjs: node:domain, which installs async hooks, neither catches for coroutines nor gets in their way.
import assert from 'node:assert/strict';
import domain from 'node:domain';
import { sleep, spawn, yieldNow } from 'stackful';

const d = domain.create();
d.on('error', () => process.exit(9));
const inside = d.run(() => spawn(() => {
  yieldNow();
  sleep(1);
  throw new Error('mine');
}));
await assert.rejects(async () => inside, { message: 'mine' });
assert.equal(await spawn(() => (sleep(1), 5)), 5);
console.log('ok');
