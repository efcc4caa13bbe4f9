// fairness.mjs LOOP [POLICY]: runs coroutines that stay ready, and beside them a sleeper, a time limit, a request and a timer of the
// host. Prints "ok" when all of these had their turn before the loops had made a number of rounds, most of which
// they would never make if one of them waited for the loops to end.
import { createServer } from 'node:http';

import { configure, sleep, spawn, timeout, yieldNow } from 'stackful';

import { compute, LOOPS, made } from './ready_loops.mjs';

const [loop, policy] = process.argv.slice(2);
if (policy === 'cancelled') spawn(() => { while (!made.over) try { sleep(1); } catch { compute(0); } }).cancel();
else if (policy) configure({ schedulingPolicy: policy });
if (loop === undefined) {
  console.log(Object.keys(LOOPS).join());
  process.exit();
}
const server = createServer((request, response) => { response.end('x'); });
await new Promise((done) => { server.listen(0, '127.0.0.1', done); });

const seen = [];
const bodies = await spawn(() => LOOPS[loop]());
/** Five seconds of rounds: by then everything below is done on any machine, unless it waits for the loops. */
const enough = 10_000;
const watched = [
  spawn(() => { sleep(10); seen.push('sleeper'); }, { priority: 'highest' }),
  spawn(() => { sleep(10); seen.push('timeout'); }),
  new Promise((done) => { setTimeout(() => { seen.push('timer'); done(); }, 20); }),
  fetch(`http://127.0.0.1:${server.address().port}/`).then(() => seen.push('request')),
];
const limited = spawn(() => timeout(60, bodies[0], () => seen.push('limit')));
const others = bodies.slice(1).map((body) => spawn(body));
const everything = Promise.all(watched).then(() => limited);
everything.then(() => { made.over = true; });
const tooLong = spawn(() => { while (!made.over && made.rounds < enough) yieldNow(); made.over = true; });
await Promise.all([everything, tooLong, ...others]);
server.close();
server.closeAllConnections();
console.log(made.rounds < enough && seen.length === 5 ? 'ok' : `only ${seen.join()} after ${made.rounds} rounds`);
