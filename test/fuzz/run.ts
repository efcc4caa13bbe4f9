/**
 * `npm run fuzz`: mutated requests through this package's parsers and through llhttp. Ends at the first difference that
 * is not listed in deliberate.ts, and prints the command that repeats it.
 *
 *     npm run fuzz -- [--count 5000000] [--seconds 120] [--seed N] [--from N]
 *     npm run fuzz -- native [--seconds 60]      libFuzzer, see native.ts
 */
import '../../lib/index.js';
import { parseArgs } from 'node:util';
import { deliberate, DELIBERATE } from './deliberate.js';
import { compare, type Difference } from './differences.js';
import { fuzzNative } from './native.js';
import { mutated } from './requests.js';

const PROGRESS_MS = 5000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '5000000' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
  },
});
const native = positionals[0] === 'native';
if (positionals.length > (native ? 1 : 0)) throw new Error(`"${positionals.join(' ')}": only "native" is known`);
const length = values.seconds ?? (native ? '60' : '120');
const [count, seconds, seed, from] = [values.count, length, values.seed, values.from].map(Number) as [number, number, number, number];
for (const number of [count, seconds, seed, from]) {
  if (!(number >= 0)) throw new Error('--count, --seconds, --seed and --from are numbers');
}

const began = Date.now();
const found = new Map<string, number>();

function report(difference: Difference, index: number): void {
  console.error(`\nA difference that is not deliberate: ${difference.kind}, ${difference.detail} (${difference.status || 'accepted'} here)`);
  console.error(JSON.stringify(difference.input));
  console.error(`Again: npm run fuzz -- --seed ${seed} --from ${index} --count 1`);
}

function run(): boolean {
  let shown = began;
  console.log(`seed ${seed}, inputs ${from} to ${from + count - 1}, at most ${seconds} s`);
  for (let index = from; index < from + count; index++) {
    const difference = compare(mutated(seed, index));
    if (difference) {
      const known = deliberate(difference);
      if (!known) {
        report(difference, index);
        return false;
      }
      found.set(known.name, (found.get(known.name) ?? 0) + 1);
    }
    if ((index & 1023) !== 0) continue;
    const now = Date.now();
    if (now - began > seconds * 1000) {
      console.log(`stopped after ${seconds} s, at input ${index}`);
      return true;
    }
    if (now - shown > PROGRESS_MS) {
      shown = now;
      console.log(`${index - from} inputs, ${Math.round(((index - from) / (now - began)) * 1000)} a second`);
    }
  }
  return true;
}

function differential(): boolean {
  const fine = run();
  console.log(`\nDeliberate differences:`);
  for (const { name, why } of DELIBERATE) console.log(`${String(found.get(name) ?? 0).padStart(8)}  ${name}: ${why}`);
  return fine;
}

process.exitCode = (native ? await fuzzNative(seconds) : differential()) ? 0 : 1;
