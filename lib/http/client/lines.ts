import { invalidType } from '../../internal/arguments.js';
import { forbiddenHeader, invalidHeaderName, invalidHeaderValue } from '../errors.js';
import { NOT_IN_VALUES, TOKEN, type HeaderValue } from '../fields.js';

/**
 * Headers of a request: an object with a property for each, a `Headers`, a `Map`, or pairs. A list makes one line for each element.
 * Values are sent as Latin-1.
 */
export type RequestHeadersLike = Readonly<Record<string, HeaderValue>> | Iterable<readonly [name: string, value: HeaderValue]>;

/** Headers of a request by name in lower case: the name as it was given, and its values. */
export type HeaderMap = Map<string, { name: string; values: string[] }>;

/** What the client writes itself, and what would make one message look like another. */
const FORBIDDEN = new Set(['transfer-encoding', 'expect', 'upgrade', 'keep-alive', 'proxy-connection']);
const CONNECTION_OPTIONS = new Set(['close', 'keep-alive', 'te']);
const LATIN = /[\x80-\xff]/;
/** Programs that generate names must not fill the memory. */
const MOST_NAMES = 500;
const names = new Map<string, string>();
/** Frozen objects, which are checked once. */
const checked = new WeakMap<object, HeaderMap>();

function lowerCase(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (!TOKEN.test(name)) throw invalidHeaderName(name);
  const lower = name.toLowerCase();
  if (FORBIDDEN.has(lower)) throw forbiddenHeader(name);
  if (names.size >= MOST_NAMES) names.clear();
  names.set(name, lower);
  return lower;
}

/**
 * Adds `given` to `map`; headers of the same name that were there before are replaced.
 *
 * @throws TypeError `ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`, `ERR_INVALID_ARG_TYPE`, `ERR_HTTP_FORBIDDEN_HEADER`
 */
export function addHeaders(map: HeaderMap, given: RequestHeadersLike): void {
  if (typeof given !== 'object' || given as unknown === null) throw invalidType('options.headers', 'an object', given);
  const known = checked.get(given);
  if (known) {
    for (const [lower, header] of known) map.set(lower, header);
    return;
  }
  const added: HeaderMap = new Map();
  if (Symbol.iterator in given) {
    for (const pair of given as Iterable<unknown>) {
      if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
        throw invalidType('options.headers', 'an object, or made of pairs of name and value', pair);
      }
      addOne(added, pair[0], pair[1]);
    }
  } else {
    for (const name of Object.keys(given)) addOne(added, name, given[name]);
    // A list in it may change.
    if (Object.isFrozen(given) && !Object.values(given).some(Array.isArray)) checked.set(given, added);
  }
  for (const [lower, header] of added) map.set(lower, header);
}

function addOne(map: HeaderMap, name: string, given: unknown): void {
  if (given === undefined) return;
  const lower = lowerCase(name);
  const header = map.get(lower);
  const values = header?.values ?? [];
  for (const one of Array.isArray(given) ? (given as readonly unknown[]) : [given]) {
    if (typeof one !== 'string' && typeof one !== 'number') throw invalidType(`headers.${name}`, 'a string or a number', one);
    const value = String(one).trim();
    if (NOT_IN_VALUES.test(value)) throw invalidHeaderValue(name);
    values.push(value);
  }
  if ((lower === 'host' || lower === 'content-length') && values.length > 1) throw invalidHeaderValue(name);
  if (lower === 'connection') checkConnection(values);
  if (!header && values.length > 0) map.set(lower, { name, values });
}

function checkConnection(values: readonly string[]): void {
  for (const option of values.join(',').split(',')) {
    if (!CONNECTION_OPTIONS.has(option.trim().toLowerCase())) throw forbiddenHeader(`Connection: ${option}`);
  }
}

/** The value of a header, or undefined. */
export function headerIn(map: HeaderMap, lower: string): string | undefined {
  return map.get(lower)?.values.join(', ');
}

/** The lines of all but those that the head has elsewhere. */
export function linesOf(map: HeaderMap): string {
  let lines = '';
  for (const [lower, { name, values }] of map) {
    if (lower === 'host' || lower === 'content-length') continue;
    for (const value of values) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** What is written: text that is not ASCII goes out as Latin-1. */
export function asSent(head: string): string | Buffer {
  return LATIN.test(head) ? Buffer.from(head, 'latin1') : head;
}
