// fibers.mjs TIMES: a fiber's run and yield in CPU time, from the main stack and in a coroutine, and a resume and park of our own.
import { spawn } from 'stackful';
import Fiber from 'stackful/fibers';
import loops from '../support/fiber-loops.cjs';
import { resumeYield } from './resume-yield.mjs';

const times = Number(process.argv[2]);
const samples = [];
const add = (subject, measured) => {
  for (const [metric, value] of Object.entries(measured)) samples.push({ subject, metric, value, unit: 'ns' });
};

for (const [subject, loops] of [['resume and park', 1], ['resume and park, two loops', 2]]) {
  for (let i = 0; i < 3; i++) await resumeYield(times / 30, { loops });
  const began = process.cpuUsage();
  await resumeYield(times, { loops });
  const { user, system } = process.cpuUsage(began);
  add(subject, { run_yield_ns: ((user + system) * 1000) / times });
}
add('stackful, in a coroutine', await spawn(() => loops.measure(Fiber, times)));
add('stackful, main stack', loops.measure(Fiber, times));
console.log(JSON.stringify(samples));
process.exit();
