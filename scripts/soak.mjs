// npm run soak -- [--switches 100000000] [--spawns 10000000] [--seconds 1800] [--seed N]
//
// One process that does everything coroutines do, until it has made that many switches and spawns or the time is over:
// yields, spawns, exceptions, cancellation, parks in every kind of frame, garbage collections, and beside it workers with
// coroutines of their own that are terminated at random moments. Every value is checked. Prints progress, then a verdict;
// the exit code is 1 when a value was wrong, when something got stuck, or when memory grew. Needs --expose-gc.
import { parseArgs } from 'node:util';
import { coroutines, spawn, stats } from 'stackful';
import { Memory } from './soak/memory.mjs';
import { wholeNumber } from './soak/options.mjs';
import { counts, Rounds } from './soak/rounds.mjs';
import { restartWorkers } from './soak/workers.mjs';

const STUCK_SECONDS = 120;
const PROGRESS_SECONDS = 5;

const { values } = parseArgs({
  options: {
    switches: { type: 'string', default: '100000000' },
    spawns: { type: 'string', default: '10000000' },
    seconds: { type: 'string', default: '1800' },
    seed: { type: 'string', default: String((Date.now() % 1e9) + 1) },
  },
});
const limits = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, wholeNumber(name, text)]));
if (!globalThis.gc) throw new Error('soak: run with --expose-gc');

const began = performance.now();
const seconds = () => (performance.now() - began) / 1000;
const number = (n) => n.toLocaleString('en-US');

/** Part of the way, 0 to 1. */
function progress() {
  const { switches, spawned } = stats();
  return Math.min(switches / limits.switches, spawned / limits.spawns, 1);
}

function report() {
  const { switches, spawned } = stats();
  return (
    `${number(switches)} switches, ${number(spawned)} spawns (${number(counts.thrown)} threw, ${number(counts.cancelled)} ` +
    `cancelled), ${number(counts.collections)} collections, ${number(counts.workers)} workers ended (with ` +
    `${number(counts.workerYields)} switches), ${number(counts.checks)} values checked, ${seconds().toFixed(0)} s`
  );
}

let verdict = false;
function fail(what) {
  verdict = true;
  console.log(`soak: ${report()}\nsoak: FAILED (--seed ${limits.seed}): ${what}`);
  process.exit(1);
}
process.on('uncaughtException', (error) => fail(error.stack ?? error));
process.on('exit', (code) => {
  if (!verdict) console.log(`soak: FAILED (--seed ${limits.seed}): the process ended with ${code} before its time`);
  if (!verdict) process.exitCode = 1;
});

const memory = new Memory();
const rounds = new Rounds(limits.seed);
let ended = false;
const over = () => ended || seconds() > limits.seconds;

let lastRound = 0;
let lastMove = 0;
const watch = setInterval(() => {
  if (counts.rounds !== lastRound) [lastRound, lastMove] = [counts.rounds, seconds()];
  if (seconds() - lastMove > STUCK_SECONDS) fail(`stuck for ${STUCK_SECONDS} s in round ${lastRound}`);
}, 1000);

console.log(`soak: Node ${process.versions.node}, ${number(limits.switches)} switches, ${number(limits.spawns)} spawns, at most ${limits.seconds} s, --seed ${limits.seed}`);
let nextReport = PROGRESS_SECONDS;
const main = spawn(() => {
  // Memory is read in between two workers: enough of these, or there is nothing to compare.
  while (!over() && (progress() < 1 || !memory.enough)) {
    rounds.run();
    if (seconds() < nextReport) continue;
    nextReport = seconds() + PROGRESS_SECONDS;
    console.log(`${(100 * progress()).toFixed(1).padStart(5)} %  ${report()}, ${memory.now()}`);
  }
  rounds.end();
  ended = true;
});
const workers = spawn(() => {
  restartWorkers({ seed: limits.seed, over, inBetween: () => memory.sample() });
});
await main;
await workers;
clearInterval(watch);

const complete = progress() === 1;
if (coroutines().length > 0 || stats().live > 0) fail(`${stats().live} coroutines are left`);
for (const kind of ['thrown', 'cancelled', 'collections', 'workers']) if (!counts[kind]) fail(`there were no ${kind}`);
const { flat, text } = memory.verdict();
if (!flat) fail(text);
verdict = true;
console.log(`soak: ${report()}\nsoak: ${text}`);
console.log(complete ? 'soak: ok' : `soak: ok as far as it got in ${limits.seconds} s, ${(100 * progress()).toFixed(1)} %`);
