import type { MayPark } from '../analyze.js';

/** The functions that may park, file by file, each with the call that leads there. */
export function treeReport(functions: readonly MayPark[]): string {
  const files = new Map<string, MayPark[]>();
  for (const one of functions) files.set(one.file, [...(files.get(one.file) ?? []), one]);
  const parts = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, list]) => {
    const lines = list.sort((a, b) => a.line - b.line).map(({ name, line, through, throughLine }) =>
      `  ${name} (line ${String(line)})\n    line ${String(throughLine)}: ${through}`);
    return [file, ...lines].join('\n');
  });
  return parts.length === 0 ? 'no function may park\n' : `${parts.join('\n')}\n`;
}
