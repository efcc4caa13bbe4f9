// fairness.mjs PORT LOOP: Knot answers small requests, and a sleeper sleeps, beside coroutines that stay ready. GET /late
// answers, as a JSON array, by how many milliseconds each sleep(1) since the last such request was late.
import { sleep, spawn } from 'stackful';
import { serve } from 'stackful/http';
import { LOOPS } from '../../test/children/ready_loops.mjs';

const [port, loop] = process.argv.slice(2);
const late = [];
serve(({ path }) => (path === '/late' ? JSON.stringify(late.splice(0)) : 'Hello, World!\n'), { port: Number(port), host: '127.0.0.1' });
for (const body of await spawn(() => LOOPS[loop]())) spawn(body);
spawn(() => {
  for (;;) {
    const began = performance.now();
    sleep(1);
    late.push(performance.now() - began - 1);
  }
});
