import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { buildAddon } from './support/addon.js';
import { runChild } from './support/child.js';

const page = new URL('../docs/where-to-park.md', import.meta.url);
const LINES = ['20', '22', '24', '26'];
const MARKED = /(<!-- places -->\n)([^]*)(<!-- \/places -->)/;
const line = process.versions.node.split('.')[0]!;
type Row = [group: string, place: string, outcome: string];

/** Place to outcome of every line, as the page has it. */
function written(): Map<string, string[]> {
  const rows = MARKED.exec(readFileSync(page, 'utf8'))![2]!.matchAll(/^\| ([^|]*\S) \|(.*)\|$/gm);
  return new Map([...rows].map(([, place, cells]) => [place!, cells!.split('|').map((cell) => cell.trim())]));
}

/** Writes this Node's outcomes into the column of its line. */
function write(rows: readonly Row[]): void {
  const before = written();
  const groups = [...new Set(rows.map(([group]) => group))];
  const tables = groups.map((group) => {
    const lines = rows.filter(([its]) => its === group).map(([, place, outcome]) => {
      const cells = LINES.map((each, i) => (each === line ? outcome : (before.get(place)?.[i] ?? '')));
      return `| ${place} | ${cells.join(' | ')} |`;
    });
    return `| ${group} | ${LINES.join(' | ')} |\n| --- |${' --- |'.repeat(LINES.length)}\n${lines.join('\n')}\n`;
  });
  writeFileSync(page, readFileSync(page, 'utf8').replace(MARKED, (_, begin: string, __, end: string) => `${begin}\n${tables.join('\n')}\n${end}`));
}

describe('docs/where-to-park.md', () => {
  it('says what this Node does at every place', { timeout: 120_000 }, async () => {
    const flags = ['--expose-gc', '--experimental-vm-modules', '--no-warnings'];
    const { exit, stdout, stderr } = await runChild('park_places.mjs', [await buildAddon('crossings')], { flags });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const rows = JSON.parse(stdout) as Row[];
    for (const [, place, outcome] of rows) expect([place, outcome]).toEqual([place, expect.stringMatching(/^(?:parks|ERR_[A-Z_]+)$/)]);
    if (process.env.WRITE_DOCS) write(rows);
    const page = written();
    const column = LINES.indexOf(line);
    expect(rows.map(([, place]) => [place, page.get(place)?.[column]])).toEqual(rows.map(([, place, outcome]) => [place, outcome]));
  });
});
