import { invalidType } from '../internal/arguments.js';
import { forbiddenHeader, invalidHeaderName, invalidHeaderValue } from './errors.js';

/** Response headers: a repeated one (`Set-Cookie`) is a list. */
export type ResponseHeaders = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Response headers in the form in which they are sent. */
export interface Fields {
  /** Whole lines. */
  readonly lines: string;
  /** The Content-Length among them, which is not in `lines`; -1 for none. */
  readonly length: number;
  readonly hasType: boolean;
  /** `Connection: close` was among them. */
  readonly close: boolean;
}

export const NO_FIELDS: Fields = { lines: '', length: -1, hasType: false, close: false };
export const TEXT_LINE = 'Content-Type: text/plain; charset=utf-8\r\n';
export const BINARY_LINE = 'Content-Type: application/octet-stream\r\n';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

const enum Kind {
  plain,
  type,
  length,
  connection,
  /** Written by the server whatever the handler says. */
  ignored,
  forbidden,
}

const KINDS = new Map<string, Kind>([
  ['content-type', Kind.type],
  ['content-length', Kind.length],
  ['connection', Kind.connection],
  ['date', Kind.ignored],
  ['keep-alive', Kind.ignored],
  ['transfer-encoding', Kind.forbidden],
  ['trailer', Kind.forbidden],
  ['upgrade', Kind.forbidden],
]);

/** A header name that has been checked, with the last value it had: most have the same one in every response. */
interface Name {
  readonly kind: Kind;
  value: string;
  line: string;
}

const names = new Map<string, Name>();
/** A handler that makes names up must not fill the memory. */
const MOST_NAMES = 500;

/** What frozen header objects have been turned into before. */
const formatted = new WeakMap<object, Fields>();

function nameOf(name: string): Name {
  let known = names.get(name);
  if (!known) {
    if (!TOKEN.test(name)) throw invalidHeaderName(name);
    known = { kind: KINDS.get(name.toLowerCase()) ?? Kind.plain, value: '', line: '' };
    if (names.size >= MOST_NAMES) names.clear();
    names.set(name, known);
  }
  return known;
}

function lineOf(known: Name, name: string, value: string): string {
  if (known.value === value && known.line !== '') return known.line;
  if (NOT_IN_VALUES.test(value)) throw invalidHeaderValue(name);
  known.value = value;
  known.line = `${name}: ${value}\r\n`;
  return known.line;
}

function lengthOf(value: string): number {
  const length = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(length)) throw invalidHeaderValue('content-length');
  return length;
}

function format(headers: ResponseHeaders): Fields {
  let lines = '';
  let length = -1;
  let hasType = false;
  let close = false;
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    if (given === undefined) continue;
    const known = nameOf(name);
    for (const one of Array.isArray(given) ? (given as readonly unknown[]) : [given]) {
      if (typeof one !== 'string' && typeof one !== 'number') throw invalidType(`headers.${name}`, 'a string or a number', one);
      const value = String(one);
      switch (known.kind) {
        case Kind.type:
          hasType = true;
          lines += lineOf(known, name, value);
          break;
        case Kind.length:
          length = lengthOf(value);
          break;
        case Kind.connection:
          if (/^\s*close\s*$/i.test(value)) close = true;
          else if (!/^\s*keep-alive\s*$/i.test(value)) throw forbiddenHeader(`Connection: ${value}`);
          break;
        case Kind.ignored:
          break;
        case Kind.forbidden:
          throw forbiddenHeader(name);
        case Kind.plain:
          lines += lineOf(known, name, value);
      }
    }
  }
  return { lines, length, hasType, close };
}

/**
 * Checks headers and formats them. A frozen object is formatted once and for all.
 *
 * @throws TypeError `ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`, `ERR_INVALID_ARG_TYPE`, `ERR_HTTP_FORBIDDEN_HEADER`
 */
export function fieldsOf(headers: ResponseHeaders): Fields {
  if (typeof headers !== 'object' || headers === null) throw invalidType('response.headers', 'an object', headers);
  if (!Object.isFrozen(headers)) return format(headers);
  let fields = formatted.get(headers);
  if (!fields) {
    fields = format(headers);
    // A list in it may not be frozen itself.
    if (!Object.values(headers).some(Array.isArray)) formatted.set(headers, fields);
  }
  return fields;
}
