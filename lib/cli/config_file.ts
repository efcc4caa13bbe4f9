import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import jsonc, { type Node, type ParseError } from 'jsonc-parser';

import { nearestTo } from '../internal/options.js';
import { CliError } from './errors.js';
import { wordOf, type Table } from './options.js';

/** For editors; it is no option. */
const SCHEMA = '$schema';
/** Descriptors that paths stand for: standard output. */
const STANDARD = '-';

/** The place of a character, as editors and compilers name it. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${String(before.length)}:${String(before.at(-1)!.length + 1)}`;
}

/** "CommaExpected" in words. */
const inWords = ({ error }: ParseError): string =>
  jsonc.printParseErrorCode(error).replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase();

/**
 * The options in a file of JSON, which may have comments and commas behind the last of a list.
 *
 * @throws CliError that names each mistake with its line and column
 */
export function valuesOfFile(table: Table, file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new CliError(`--config ${file} cannot be read (${(error as NodeJS.ErrnoException).code!})`, { cause: error });
  }
  const errors: ParseError[] = [];
  const tree = jsonc.parseTree(text, errors, { allowTrailingComma: true });
  const at = (offset: number, message: string): string => `${file}:${placeOf(text, offset)}: ${message}`;
  const [syntax] = errors;
  if (syntax) throw new CliError(at(syntax.offset, `this is no JSON: ${inWords(syntax)}`));
  if (tree?.type !== 'object') throw new CliError(at(tree?.offset ?? 0, 'a configuration is an object: { "port": 8080 }'));
  const values: Record<string, unknown> = {};
  const mistakes: string[] = [];
  const seen = new Set<string>();
  for (const { children: [key, value] = [] } of tree.children ?? []) {
    const name = key!.value as string;
    if (seen.has(name)) mistakes.push(at(key!.offset, `\`${name}\` stands here for the second time`));
    seen.add(name);
    if (name === SCHEMA) continue;
    const mistake = take(table, name, value!, dirname(file), values);
    if (mistake !== undefined) mistakes.push(at(mistake.node === 'key' ? key!.offset : value!.offset, mistake.message));
  }
  if (mistakes.length > 0) throw new CliError(mistakes.join('\n'));
  return values;
}

type Mistake = { node: 'key' | 'value'; message: string };

/** Reads one option into `values`. */
function take(table: Table, name: string, node: Node, folder: string, values: Record<string, unknown>): Mistake | undefined {
  const known = Object.keys(table).filter((one) => !table[one]!.commandOnly);
  if (!known.includes(name)) {
    const commandOnly = Object.keys(table).find((one) => one === name && !table[one]!.hidden);
    const nearest = known.find((one) => wordOf(one) === name) ?? nearestTo(name, known);
    const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
    return { node: 'key', message: commandOnly ? `\`${name}\` belongs to the command line: --${wordOf(name)}` : `there is no option \`${name}\`: ${hint}` };
  }
  const option = table[name]!;
  const value = option.accept(jsonc.getNodeValue(node));
  if (value === undefined) return { node: 'value', message: `\`${name}\` must be ${option.must}` };
  values[name] = option.isPath && value !== STANDARD ? resolve(folder, value as string) : value;
  return undefined;
}
