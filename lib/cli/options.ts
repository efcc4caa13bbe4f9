/**
 * The options of a command, described once: the command line, the configuration file, its schema and `--help` are made from a
 * table of them.
 */
/** One option: of type T once it is read. Its name in the table is the one in a file; on the command line it is in lower case. */
export interface Option<T> {
  readonly help: string;
  /** What help shows for its value; empty for a flag. */
  readonly shown: string;
  /** What a value must be, as errors say it. */
  readonly must: string;
  /** Undefined: the word of the command line is no such value. */
  readonly parse: (word: string) => T | undefined;
  /** The same for a value of a file. */
  readonly accept: (value: unknown) => T | undefined;
  /** In the words of JSON Schema. */
  readonly schema: object;
  readonly default?: T;
  readonly short?: string;
  /** It names a file, and a relative path in a configuration file begins in the folder of that file. */
  readonly isPath?: boolean;
  /** On the command line it has no name: it is what stands there without one. */
  readonly positional?: boolean;
  /** Only the command line has it. */
  readonly commandOnly?: boolean;
  /** For the program itself: help does not show it. */
  readonly hidden?: boolean;
}

export type Table = Readonly<Record<string, Option<unknown>>>;

type ValueOf<O> = O extends Option<infer T> ? T : never;
/** What was given for the options of a table, defaults included. */
export type Values<T extends Table> = {
  readonly [K in keyof T]: T[K] extends { readonly default: unknown } ? ValueOf<T[K]> : ValueOf<T[K]> | undefined;
};

const is = <T>(holds: (value: T) => boolean, value: T): T | undefined => (holds(value) ? value : undefined);

export function flag(help: string): Option<boolean> {
  const accept = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);
  return { help, shown: '', must: 'true or false', parse: () => undefined, accept, schema: { type: 'boolean' } };
}

export function whole(shown: string, least: number, most: number, help: string): Option<number> {
  const holds = (number: number): boolean => Number.isInteger(number) && number >= least && number <= most;
  return {
    help,
    shown,
    must: `a whole number from ${String(least)} to ${String(most)}`,
    parse: (word) => (/^\d+$/.test(word) ? is(holds, Number(word)) : undefined),
    accept: (value) => (typeof value === 'number' ? is(holds, value) : undefined),
    schema: { type: 'integer', minimum: least, maximum: most },
  };
}

const MOST_PORT = 65535;
export const port = (help: string): Option<number> => whole('N', 0, MOST_PORT, help);

export function choice<const C extends string>(choices: readonly C[], help: string): Option<C> {
  const accept = (value: unknown): C | undefined => choices.find((one) => one === value);
  const must = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)!}`;
  return { help, shown: choices.join('|'), must, parse: accept, accept, schema: { enum: choices } };
}

/** A port, or an address and a port. */
export function place(help: string): Option<{ host: string; port: number }> {
  const parse = (word: string): { host: string; port: number } | undefined => {
    const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(word) ?? [];
    if (digits === undefined || Number(digits) > MOST_PORT) return undefined;
    return { host: bracketed ?? plain ?? '127.0.0.1', port: Number(digits) };
  };
  return {
    help,
    shown: '[H:]N',
    must: `a port up to ${String(MOST_PORT)}, or an address and a port: "0.0.0.0:9100", "[::1]:9100"`,
    parse,
    accept: (value) => (typeof value === 'string' || typeof value === 'number' ? parse(String(value)) : undefined),
    schema: { type: ['integer', 'string'] },
  };
}

/** @param pattern what it must match; `must`: that in words */
export function text(shown: string, help: string, { pattern = /[^]/, must = 'text' } = {}): Option<string> {
  const accept = (value: unknown): string | undefined => (typeof value === 'string' && pattern.test(value) ? value : undefined);
  return { help, shown, must, parse: accept, accept, schema: { type: 'string', pattern: pattern.source } };
}

export function path(shown: string, help: string): Option<string> {
  return { ...text(shown, help, { must: 'a path' }), schema: { type: 'string', minLength: 1 }, isPath: true };
}

export function several(shown: string, help: string): Option<string[]> {
  const areTexts = (all: unknown[]): boolean => all.length > 0 && all.every((one) => typeof one === 'string' && one !== '');
  const accept = (value: unknown): string[] | undefined => (Array.isArray(value) && areTexts(value) ? (value as string[]) : undefined);
  const schema = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 };
  return { help, shown, must: 'a list of texts', parse: (word) => [word], accept, schema };
}

/** The name on the command line, without its dashes. */
export const wordOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
