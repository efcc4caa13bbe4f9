// dns-node.mjs LOOKUPS COROUTINES: the same with async functions.
import { lookup } from 'node:dns/promises';
import { measureLookups } from '../support/lookups.mjs';

await measureLookups('promises', async (count) => {
  for (let i = 0; i < count; i++) await lookup('localhost');
});
