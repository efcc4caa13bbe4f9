// dns.mjs LOOKUPS COROUTINES: coroutines look up a name.
import { spawn } from 'stackful';
import { lookup } from 'stackful/dns';
import { measureLookups } from '../support/lookups.mjs';

await measureLookups('stackful', (count) => spawn(() => {
  for (let i = 0; i < count; i++) lookup('localhost');
}).promise);
