import { invalidType } from '../internal/arguments.js';
import { forbiddenHeader, invalidHeaderName, invalidHeaderValue } from './errors.js';

/** The value of a header; a list makes one line for each element. */
export type HeaderValue = string | number | readonly string[] | undefined;

/**
 * Response headers: an object with a property for each, a `Headers`, a `Map`, or pairs. A repeated header (`Set-Cookie`) is a
 * list, or several pairs. Values are sent as Latin-1.
 */
export type ResponseHeaders = Readonly<Record<string, HeaderValue>> | Iterable<readonly [name: string, value: HeaderValue]>;

/** Response headers in the form in which they are sent. */
export interface Fields {
  /** Whole lines, each with its CRLF. */
  readonly lines: string;
  /** The Content-Length, which is not in `lines`; -1 for none. */
  readonly length: number;
  readonly hasType: boolean;
  /** `Connection: close` was among them. */
  readonly close: boolean;
}

export const NO_FIELDS: Fields = { lines: '', length: -1, hasType: false, close: false };
export const TEXT_LINE = 'Content-Type: text/plain; charset=utf-8\r\n';
export const BINARY_LINE = 'Content-Type: application/octet-stream\r\n';

export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
export const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

const enum Kind {
  plain,
  type,
  length,
  connection,
  upgrade,
  /** Written by the server; the handler's value is ignored. */
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
  ['upgrade', Kind.upgrade],
]);

/** A checked header name with its last value: most headers have the same value in every response. */
interface Name {
  readonly kind: Kind;
  value: string;
  line: string;
}

const names = new Map<string, Name>();
/** A handler that generates names must not fill the memory. */
const MOST_NAMES = 500;

/** The fields of frozen header objects. */
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

/** Collects headers one by one. */
class Lines implements Fields {
  lines = '';
  length = -1;
  hasType = false;
  close = false;
  private upgrades = false;

  /** @param mayUpgrade whether the status is 426, which names protocols in `Upgrade` */
  constructor(private readonly mayUpgrade: boolean) {}

  add(name: string, given: unknown): void {
    if (given === undefined) return;
    const known = nameOf(name);
    if (Array.isArray(given)) for (const one of given as readonly unknown[]) this.addOne(known, name, one);
    else this.addOne(known, name, given);
  }

  private addOne(known: Name, name: string, given: unknown): void {
    if (typeof given !== 'string' && typeof given !== 'number') throw invalidType(`headers.${name}`, 'a string or a number', given);
    const value = String(given);
    switch (known.kind) {
      case Kind.type:
        this.hasType = true;
        this.lines += lineOf(known, name, value);
        break;
      case Kind.length: {
        const length = lengthOf(value);
        if (this.length >= 0 && this.length !== length) throw invalidHeaderValue('content-length');
        this.length = length;
        break;
      }
      case Kind.connection:
        this.addConnection(value);
        break;
      case Kind.upgrade:
        if (!this.mayUpgrade) throw forbiddenHeader(name);
        this.lines += lineOf(known, name, value);
        // RFC 9110 section 7.8: Upgrade applies to this connection only.
        if (!this.upgrades) this.lines += 'Connection: Upgrade\r\n';
        this.upgrades = true;
        break;
      case Kind.ignored:
        break;
      case Kind.forbidden:
        throw forbiddenHeader(name);
      case Kind.plain:
        this.lines += lineOf(known, name, value);
    }
  }

  private addConnection(value: string): void {
    for (const option of value.toLowerCase().split(',')) {
      const name = option.trim();
      if (name === 'close') this.close = true;
      else if (name !== 'keep-alive' && !(name === 'upgrade' && this.mayUpgrade)) throw forbiddenHeader(`Connection: ${value}`);
    }
  }
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function format(headers: ResponseHeaders, mayUpgrade: boolean): Fields {
  const lines = new Lines(mayUpgrade);
  if (Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!isPair(pair) || typeof pair[0] !== 'string') {
        throw invalidType('response.headers', 'an object, or made of pairs of name and value', pair);
      }
      lines.add(pair[0], pair[1]);
    }
  } else {
    for (const name of Object.keys(headers)) lines.add(name, headers[name]);
  }
  return lines;
}

/** The status of responses that tell the client to which protocol to upgrade. */
const UPGRADE_REQUIRED = 426;

/**
 * Checks headers and formats them. A frozen object is formatted once.
 *
 * @param status of the response: 426 may have an `Upgrade`
 * @throws TypeError `ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`, `ERR_INVALID_ARG_TYPE`, `ERR_HTTP_FORBIDDEN_HEADER`
 */
export function fieldsOf(headers: ResponseHeaders, status = 200): Fields {
  if (typeof headers !== 'object' || headers === null) throw invalidType('response.headers', 'an object', headers);
  const mayUpgrade = status === UPGRADE_REQUIRED;
  // The contents of a Map or an iterator may change although the object is frozen.
  if (!Object.isFrozen(headers) || mayUpgrade || Symbol.iterator in headers) return format(headers, mayUpgrade);
  let fields = formatted.get(headers);
  if (!fields) {
    fields = format(headers, mayUpgrade);
    // A list in it may change.
    if (!Object.values(headers).some(Array.isArray)) formatted.set(headers, fields);
  }
  return fields;
}
