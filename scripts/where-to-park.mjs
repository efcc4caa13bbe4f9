// node scripts/where-to-park.mjs: runs the programs in scripts/where-to-park, each in the language of its name, and writes what
// they print into the second table of docs/where-to-park.md. Needs python3-greenlet, lua5.4, ruby and php-cli.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = new URL('../docs/where-to-park.md', import.meta.url);
const PROGRAMS = {
  'greenlet (Python)': ['/usr/bin/python3', 'greenlets.py', ['-c', 'import greenlet; print(greenlet.__version__)']],
  Lua: ['lua5.4', 'coroutines.lua', ['-e', 'print(_VERSION)']],
  'Ruby fibers': ['ruby', 'fibers.rb', ['-e', 'print RUBY_VERSION']],
  'PHP fibers': ['php', 'fibers.php', ['-r', 'echo PHP_VERSION;']],
};

const places = new Map();
const headings = [];
for (const [name, [program, file, version]] of Object.entries(PROGRAMS)) {
  const run = (args) => execFileSync(program, args, { encoding: 'utf8', timeout: 60_000 }).trim();
  headings.push(`${name} ${run(version).replace(/^\D*/, '')}`);
  for (const line of run([fileURLToPath(new URL(`where-to-park/${file}`, import.meta.url))]).split('\n')) {
    const [place, outcome] = line.split('\t');
    if (!places.has(place)) places.set(place, []);
    places.get(place)[headings.length - 1] = outcome;
  }
}
const line = (cells) => `| ${cells.join(' | ')} |`;
const rows = [...places].map(([place, outcomes]) => line([place, ...headings.map((_, i) => outcomes[i] ?? '')]));
const table = [line(['place', ...headings]), line(['---', ...headings.map(() => '---')]), ...rows].join('\n');
writeFileSync(page, readFileSync(page, 'utf8').replace(/(<!-- others -->\n)[^]*(<!-- \/others -->)/, (_, begin, end) => `${begin}${table}\n${end}`));
