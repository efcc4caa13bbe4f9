import { argumentsOf } from './arguments.js';
import { UsageError } from './errors.js';
import { wordOf, type Option, type Table, type Values } from './options.js';

/**
 * Reads the command line, and the file that its `--config` names: what the command line has wins. `--no-NAME` takes back a flag
 * of the file.
 *
 * @throws UsageError for the command line; CliError for the file
 */
export async function valuesFrom<T extends Table>(table: T, args: string[]): Promise<Values<T>> {
  const named = Object.entries(table).filter(([, option]) => !option.positional);
  const { values: words, positionals } = argumentsOf({
    args,
    allowPositionals: true,
    allowNegative: true,
    options: Object.fromEntries(named.map(([name, { shown, short }]) =>
      [wordOf(name), { type: shown === '' ? ('boolean' as const) : ('string' as const), ...(short !== undefined && { short }) }])),
  });
  const given: Record<string, unknown> = {};
  for (const [name, option] of named) {
    const word = words[wordOf(name)];
    if (word !== undefined) given[name] = typeof word === 'string' ? parsed(`--${wordOf(name)}`, word, option) : word;
  }
  for (const [name, option] of Object.entries(table)) {
    if (!option.positional || positionals.length === 0) continue;
    const all = positionals.splice(0, Array.isArray(option.parse('x')) ? positionals.length : 1);
    given[name] = all.length > 1 ? all : parsed(option.shown, all[0]!, option);
  }
  if (positionals.length > 0) throw new UsageError(`there is no place for ${positionals.join(', ')}`);
  const file = typeof given.config === 'string' ? (await import('./config_file.js')).valuesOfFile(table, given.config) : {};
  const defaults = Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default]));
  return { ...defaults, ...file, ...given } as Values<T>;
}

function parsed(what: string, word: string, option: Option<unknown>): unknown {
  const value = option.parse(word);
  if (value === undefined) throw new UsageError(`${what} ${word}: it must be ${option.must}`);
  return value;
}
