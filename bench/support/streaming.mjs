import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LINE = `${'0123456789'.repeat(6)}abc\n`;
const MEBIBYTE = 2 ** 20;

async function cpuOf(work) {
  const before = process.cpuUsage();
  const begin = performance.now();
  const result = await work();
  const wall = (performance.now() - begin) * 1000;
  const { user, system } = process.cpuUsage(before);
  return { result, wall, cpu: user + system };
}

/**
 * Prints what `lines(file)`, which returns their number, costs a line of a file of `argv[2]` MiB, and what `copy(from, to)` by a
 * stream costs a MiB.
 */
export async function measureStreams(subject, lines, copy) {
  const mebibytes = Number(process.argv[2]);
  const folder = mkdtempSync(join(tmpdir(), 'stackful-bench-'));
  try {
    const file = join(folder, 'lines');
    writeFileSync(file, LINE.repeat((mebibytes * MEBIBYTE) / LINE.length));
    await lines(file);
    const read = await cpuOf(() => lines(file));
    const target = join(folder, 'copy');
    await copy(file, target);
    const copied = await cpuOf(() => copy(file, target));
    const row = (metric, value) => ({ subject, metric, value, unit: 'us' });
    console.log(JSON.stringify([
      row('line_us', read.wall / read.result),
      row('line_cpu_us', read.cpu / read.result),
      row('mebibyte_us', copied.wall / mebibytes),
      row('mebibyte_cpu_us', copied.cpu / mebibytes),
    ]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
