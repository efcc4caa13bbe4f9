import { readFileSync } from 'node:fs';

const TICK_US = 10_000;

/** CPU time of this process and of its children that have been reaped, microseconds. */
function cpu() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  const { user, system } = process.cpuUsage();
  return { own: user + system, childrens: (fields[13] + fields[14]) * TICK_US };
}

/** Prints what a program costs, of `argv[2]` that `work(count)` runs one after the other, `argv[3]` times at a time. */
export async function measureChildren(subject, work) {
  const [programs, coroutines] = process.argv.slice(2).map(Number);
  const each = Math.ceil(programs / coroutines);
  await work(20);
  const before = cpu();
  const begin = performance.now();
  await Promise.all(Array.from({ length: coroutines }, () => work(each)));
  const wall = (performance.now() - begin) * 1000;
  const after = cpu();
  const per = (value) => value / (each * coroutines);
  const row = (metric, value) => ({ subject, metric, value: per(value), unit: 'us', at: { coroutines } });
  console.log(JSON.stringify([
    row('exec_us', wall),
    row('exec_cpu_us', after.own - before.own),
    row('exec_cpu_with_child_us', after.own - before.own + after.childrens - before.childrens),
  ]));
}
