// calibration.mjs NAME DELTA...: makes one thing that the engine knows of V8 wrong, by each of the deltas in turn, and
// prints the reason of the refusal to start ("accepted" if there is none, "absent" if this V8 has no such thing); then starts with
// nothing wrong and prints "ok", or why not: a refusal must leave V8 as it was.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { addonFile } from '../../scripts/addon_file.mjs';

const native = createRequire(import.meta.url)(addonFile(fileURLToPath(new URL('../..', import.meta.url)), process));
const [name, ...deltas] = process.argv.slice(2);
for (const delta of deltas) {
  const reason = native.start(name, Number(delta));
  console.log(reason === undefined ? 'accepted' : reason || 'absent');
}
const { ok, reason } = native.start() === undefined ? native.doctor() : { reason: 'refused with nothing wrong' };
console.log(ok ? 'ok' : reason);
