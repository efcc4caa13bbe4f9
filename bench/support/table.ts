/** The readable form of a result: a line for each subject and load point, a column for each metric. */

import type { Row } from './bench.js';

function format(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

interface Line {
  subject: string;
  at: Record<string, string | number>;
  cells: Map<string, string>;
}

export function formatTable(rows: readonly Row[]): string {
  const points = new Set<string>();
  const metrics = new Map<string, string>();
  const lines = new Map<string, Line>();
  for (const { bench: _, subject, metric, value, unit, ...at } of rows) {
    for (const point of Object.keys(at)) points.add(point);
    metrics.set(metric, unit);
    const key = JSON.stringify([subject, at]);
    const line = lines.get(key) ?? { subject, at, cells: new Map<string, string>() };
    line.cells.set(metric, format(value));
    lines.set(key, line);
  }

  const header = [...points, 'subject', ...metrics.keys()];
  const units = [...[...points].map(() => ''), '', ...[...metrics.values()].map((unit) => `(${unit})`)];
  const body = [...lines.values()].map(({ subject, at, cells }) => [
    ...[...points].map((point) => (point in at ? Number(at[point]).toLocaleString('en-US') : '')),
    subject,
    ...[...metrics.keys()].map((metric) => cells.get(metric) ?? ''),
  ]);

  const table = [header, units, ...body];
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const text = table.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column]!;
        return column === points.size ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${text.join('\n')}\n`;
}
