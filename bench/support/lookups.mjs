/** Prints what a lookup costs, of `argv[2]` that `work(count)` makes one after the other, `argv[3]` times at a time. */
export async function measureLookups(subject, work) {
  const [lookups, coroutines] = process.argv.slice(2).map(Number);
  const each = Math.ceil(lookups / coroutines);
  await work(100);
  const before = process.cpuUsage();
  const begin = performance.now();
  await Promise.all(Array.from({ length: coroutines }, () => work(each)));
  const wall = (performance.now() - begin) * 1000;
  const { user, system } = process.cpuUsage(before);
  const row = (metric, value) => ({ subject, metric, value: value / (each * coroutines), unit: 'us', at: { coroutines } });
  console.log(JSON.stringify([row('lookup_us', wall), row('lookup_cpu_us', user + system)]));
}
