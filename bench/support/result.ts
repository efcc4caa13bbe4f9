/** What a bench leaves behind: `NAME.txt`, the table; `NAME.json`, the rows; `NAME.svg`, the drawing. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Bench, Row } from './bench.js';
import { cacheDirectory } from './cache.js';
import { draw } from './plot.js';
import { formatTable } from './table.js';

/** Writes the three files and says where; `machine` and today's date go with the numbers. */
export async function saveResult(
  bench: Bench,
  rows: readonly Row[],
  machine: string,
  out: string | undefined,
): Promise<string> {
  const directory = out ?? cacheDirectory('results');
  mkdirSync(directory, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  const path = (kind: string): string => join(directory, `${bench.name}.${kind}`);
  writeFileSync(path('txt'), `${machine}, ${date}\n\n${formatTable(rows)}`);
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
  const head = `  "machine": ${JSON.stringify(machine)},\n  "date": "${date}",\n`;
  writeFileSync(path('json'), `{\n${head}  "rows": [\n${lines}\n  ]\n}\n`);
  if (bench.figures) writeFileSync(path('svg'), await draw(bench.figures, rows, `${machine}, ${date}`));
  return `written: ${relative('.', path(bench.figures ? '{txt,json,svg}' : '{txt,json}'))}`;
}
