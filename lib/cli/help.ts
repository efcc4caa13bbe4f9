import { wordOf, type Table } from './options.js';
import { PROXY, SERVE } from './tables.js';

const LEFT = 36;
const WIDTH = 132;

/** A row of two columns; what is too long for its column goes on in the next line. */
function row(left: string, right: string): string {
  const lines: string[] = [];
  for (const word of right.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && LEFT + last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const first = left.length < LEFT - 1 ? `${left.padEnd(LEFT)}${lines.shift()!}\n` : `${left}\n`;
  return first + lines.map((line) => `${' '.repeat(LEFT)}${line}\n`).join('');
}

/** A row for each option of a command. */
function rowsOf(table: Table): string {
  return Object.entries(table).filter(([, option]) => !option.hidden && !option.positional).map(([name, { short, shown, help }]) =>
    row(`      ${short === undefined ? '' : `-${short}, `}--${wordOf(name)}${shown === '' ? '' : ` ${shown}`}`, help)).join('');
}

export const HELP = `Usage: stackful <command>

${row('  serve DIR', 'serve the files in DIR over HTTP')}${rowsOf(SERVE)}${
  row('  proxy UPSTREAM...', 'pass requests on to the servers with these URLs')}${rowsOf(PROXY)}${
  row('  inspect PID|PORT [dump|graph|next|stats|metrics] [--host H] [--token T] [--limit N]', 'show the coroutines of a program that called inspect()')}${
  row('  run FILE [ARGUMENT...]', 'run a program in a coroutine: it can wait at its top level')}${
  row('      --patch', "Node's blocking functions park in coroutines, too")}${
  row('  analyze DIR', 'find calls that wait where they cannot, and races and locks around those that can')}${
  row('      --format text|json|sarif', '(default text); exit code 1 if there are errors or warnings')}${
  row('      --project FILE', 'the tsconfig.json that names the sources (default: that in DIR, or else all sources in DIR)')}${
  row('      --fresh', 'even if no file has changed since the last time')}${
  row('      --watch', 'and again after each change')}${
  row('      --notes', 'with what is worth knowing and no mistake')}${
  row('      --main', 'the main module runs in a coroutine')}${
  row('      --graph FILE', 'write the blocking graph, for Graphviz')}${
  row('      --measured FILE', 'lay over it what stackful inspect PID graph has printed')}${
  row('      --sharding', 'show which handlers share no state, and could run in different workers')}${
  row('      --tree', 'show the functions that may park, and through which call')}${
  row('  doctor', 'show what was found of Node, V8 and the kernel, and whether it works')}  --help, --version
`;
