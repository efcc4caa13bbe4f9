// node trials.mjs ADDON: reads sets of numbers as JSON on stdin and prints the addon's answer to each at once, as a line of JSON,
// because the next set may end the process.
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ABSENT } from './blocks.mjs';

const native = createRequire(import.meta.url)(process.argv[2]);
const compiled = Object.fromEntries(native.layout().map(([name, text]) => [name, BigInt(text)]));
// "No such word" is the largest number, and adding one to it gives 0.
const number = (value) => (value === ABSENT ? (1n << 64n) - 1n : BigInt(value));

for (const set of JSON.parse(readFileSync(0, 'utf8'))) {
  const changes = Object.entries(set).flatMap(([name, value]) => [name, Number(BigInt.asIntN(64, number(value) - compiled[name]))]);
  writeSync(1, `${JSON.stringify(native.layout(...changes))}\n`);
}
