/** Command line options of a bench: `--name value` or `--name=value`, lists separated by commas. */

import { parseArgs } from 'node:util';
import { BenchError } from './bench.js';

export class Options {
  readonly #values: Readonly<Record<string, string | undefined>>;

  /** `--quick`: shorter windows, fewer rounds and points, for a look rather than a result. */
  readonly quick: boolean;

  constructor(values: Readonly<Record<string, string | undefined>>, quick = false) {
    this.#values = values;
    this.quick = quick;
  }

  /** A whole number above zero; `quick` is the default with `--quick`. */
  number(name: string, fallback: number, quick = fallback): number {
    return this.numbers(name, [fallback], [quick])[0]!;
  }

  /** Whole numbers above zero. */
  numbers(name: string, fallback: readonly number[], quick = fallback): readonly number[] {
    const text = this.#values[name];
    if (text === undefined) return this.quick ? quick : fallback;
    return text.split(',').map((item) => {
      const value = Number(item.replaceAll('_', ''));
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new BenchError(`--${name}: "${item}" is not a whole number above zero`);
      }
      return value;
    });
  }

  /** Names, each of which must be one of `known`; all of `known` (`quick` with `--quick`) when the option is not given. */
  choice(name: string, known: readonly string[], quick = known): readonly string[] {
    const text = this.#values[name];
    if (text === undefined) return this.quick ? quick : known;
    const chosen = [...new Set(text.split(','))];
    for (const item of chosen) {
      if (known.includes(item)) continue;
      throw new BenchError(`--${name}: no "${item}", there is ${known.join(', ')}`);
    }
    return known.filter((item) => chosen.includes(item));
  }
}

/** What every bench understands; see run.ts. */
export interface CommonFlags {
  json: boolean;
  help: boolean;
  out: string | undefined;
}

/** Parses `args` against the option names in `known`, plus the flags every bench has. */
export function parseOptions(
  args: readonly string[],
  known: readonly string[],
): CommonFlags & { options: Options; names: string[] } {
  const strings = Object.fromEntries(known.map((name) => [name, { type: 'string' as const }]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        ...strings,
        quick: { type: 'boolean' },
        out: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
    const { json, help, quick, out, ...rest } = values as Record<string, string | boolean | undefined>;
    const options = new Options(rest as Record<string, string | undefined>, quick === true);
    return { json: json === true, help: help === true, out: out as string | undefined, options, names: positionals };
  } catch (error) {
    // Node's message goes on with advice about positional arguments, which no bench has.
    throw new BenchError((error as Error).message.split('. ')[0]);
  }
}
