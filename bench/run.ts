/**
 * `npm run bench -- NAME [options]`: runs one bench and prints its medians. Every `bench/*.ts` beside this
 * file is a bench; adding one needs no change here.
 */

import { readdirSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { BenchError, note, type Bench } from './support/bench.js';
import { parseOptions } from './support/options.js';
import { stopChildren } from './support/process.js';
import { saveResult } from './support/result.js';
import { formatTable } from './support/table.js';

async function loadBenches(): Promise<Bench[]> {
  const files = readdirSync(new URL('.', import.meta.url))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && name !== 'run.ts')
    .sort();
  return Promise.all(
    files.map(async (name) => {
      const module = (await import(new URL(name, import.meta.url).href)) as { default: Bench };
      return module.default;
    }),
  );
}

function describe(bench: Bench): string {
  const options = {
    ...bench.options,
    quick: 'shorter and fewer of everything: a look, not a result',
    out: 'directory for the table, the JSON and the drawing (.cache/bench/results)',
    json: 'print one JSON array of rows and nothing else',
  };
  const width = Math.max(...Object.keys(options).map((name) => name.length));
  const lines = Object.entries(options).map(([name, text]) => `  --${name.padEnd(width)}  ${text}`);
  return `${bench.name}: ${bench.summary}\n${lines.join('\n')}\n`;
}

function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown CPU';
  const { node, v8 } = process.versions;
  return `${cpus().length} x ${model}, Linux ${release()}, Node ${node}, V8 ${v8}`;
}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  const benches = await loadBenches();
  if (name === undefined || name === '--help' || name === '-h') {
    const usage = 'npm run bench -- NAME [--quick] [--json] [options]; NAME --help lists the options';
    const list = benches.map((bench) => `  ${bench.name.padEnd(10)} ${bench.summary}`);
    process.stdout.write(`${usage}\n\n${list.join('\n')}\n`);
    return;
  }
  const bench = benches.find((each) => each.name === name);
  if (!bench) {
    throw new BenchError(`no bench "${name}", there is ${benches.map((each) => each.name).join(', ')}`);
  }
  const { json, help, out, options, names } = parseOptions(rest, Object.keys(bench.options));
  if (help) {
    process.stdout.write(describe(bench));
    return;
  }
  if (names.length > 0) throw new BenchError(`"${names.join(' ')}" is not an option`);
  const where = machine();
  note(where);
  const rows = await bench.run(options);
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : `\n${formatTable(rows)}`);
  note(await saveResult(bench, rows, where, out));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, stack } = error as Error;
  note(`bench: ${error instanceof BenchError ? message : stack}`);
  process.exitCode = 1;
} finally {
  // After an error servers may still run, and would keep this process alive.
  stopChildren();
}
