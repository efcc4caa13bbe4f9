import { randomBytes } from 'node:crypto';

import type { Answer } from '../client/exchange.js';
import { httpClientFields } from '../client/native.js';
import type { Request } from '../request.js';
import type { Settings } from './options.js';

/** Of RFC 6455, section 4.1. */
const KEY_BYTES = 16;

const enum Kind {
  plain,
  /** Of one connection only (RFC 9110 section 7.6.1), or written anew. */
  dropped,
  connection,
  upgrade,
  host,
  length,
  /** What says for whom a proxy asks. */
  forwarded,
}

const OF_REQUESTS = new Map<string, Kind>([
  ['connection', Kind.connection],
  ['upgrade', Kind.upgrade],
  ['host', Kind.host],
  ['content-length', Kind.length],
  ['keep-alive', Kind.dropped],
  ['proxy-connection', Kind.dropped],
  ['proxy-authorization', Kind.dropped],
  ['te', Kind.dropped],
  ['trailer', Kind.dropped],
  ['transfer-encoding', Kind.dropped],
  // Knot has asked for the body itself.
  ['expect', Kind.dropped],
  ['x-forwarded-for', Kind.forwarded],
  ['x-forwarded-proto', Kind.forwarded],
  ['x-forwarded-host', Kind.forwarded],
  ['forwarded', Kind.forwarded],
]);

const OF_ANSWERS = new Map<string, Kind>([
  ['connection', Kind.connection],
  ['upgrade', Kind.upgrade],
  ['content-length', Kind.length],
  ['keep-alive', Kind.dropped],
  ['proxy-connection', Kind.dropped],
  ['te', Kind.dropped],
  ['trailer', Kind.dropped],
  ['transfer-encoding', Kind.dropped],
  // Knot writes it.
  ['date', Kind.dropped],
]);

/** Kinds by the names as they were sent. Clients that make up names must not fill the memory. */
const MOST_NAMES = 500;

class Kinds {
  private readonly known = new Map<string, Kind>();
  constructor(private readonly kinds: ReadonlyMap<string, Kind>) {}

  of(name: string): Kind {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const kind = this.kinds.get(name.toLowerCase()) ?? Kind.plain;
    if (this.known.size >= MOST_NAMES) this.known.clear();
    this.known.set(name, kind);
    return kind;
  }
}

const requestKinds = new Kinds(OF_REQUESTS);
const answerKinds = new Kinds(OF_ANSWERS);
/** What a Connection field names without naming another field. */
const USUAL_OPTIONS = new Set(['close', 'keep-alive', 'upgrade', 'te', '']);

/** The fields that Connection makes those of one connection. */
function namedBy(connection: string): Set<string> | undefined {
  const names = connection.toLowerCase().split(',').map((name) => name.trim()).filter((name) => !USUAL_OPTIONS.has(name));
  return names.length > 0 ? new Set(names) : undefined;
}

/** A request's head as far as it is passed on. */
export interface PassedRequest {
  /** Whole lines, those that say for whom it is among them. */
  readonly lines: string;
  readonly host: string | undefined;
  /** The protocol that it asks for. */
  readonly upgrade: string | undefined;
}

/** What was made of requests lately: see `headerBlock`. */
const made: (Made | undefined)[] = [];
/** Of the number of a block, its place among those. */
const PLACES = 0xff;

interface Made {
  readonly block: number;
  readonly settings: Settings;
  readonly address: string;
  readonly secure: boolean;
  readonly passed: PassedRequest;
}

/** The clients of a proxy send the same headers again and again; of those only the first is taken apart. */
export function passedRequest(request: Request, settings: Settings): PassedRequest {
  // Whom a function trusts may change.
  const block = typeof settings.trust === 'function' ? -1 : request.headerBlock();
  if (block < 0) return takenApart(request, settings);
  const address = request.remoteAddress;
  const secure = request.tls !== undefined;
  const before = made[block & PLACES];
  const known = before?.block === block && before.settings === settings && before.secure === secure && before.address === address;
  if (known) return before.passed;
  const passed = takenApart(request, settings);
  made[block & PLACES] = { block, settings, address, secure, passed };
  return passed;
}

function takenApart(request: Request, settings: Settings): PassedRequest {
  const list = request.headerList();
  let [lines, connection] = ['', ''];
  let host: string | undefined;
  let upgrade: string | undefined;
  let before: Map<string, string> | undefined;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    const value = list[i + 1]!;
    switch (requestKinds.of(name)) {
      case Kind.plain:
        lines += `${name}: ${value}\r\n`;
        break;
      case Kind.host:
        host = value;
        break;
      case Kind.connection:
        connection += `,${value}`;
        break;
      case Kind.upgrade:
        upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
        break;
      case Kind.forwarded: {
        const lower = name.toLowerCase();
        const earlier = (before ??= new Map<string, string>()).get(lower);
        before.set(lower, earlier === undefined ? value : `${earlier}, ${value}`);
        break;
      }
    }
  }
  const named = connection === '' ? undefined : namedBy(connection);
  if (named) lines = without(lines, named);
  if (request.asksForTunnel) lines += `Sec-WebSocket-Key: ${randomBytes(KEY_BYTES).toString('base64')}\r\n`;
  else if (!/\bupgrade\b/i.test(connection)) upgrade = undefined;
  return { lines: lines + forwardedLines(request, host, before, settings), host, upgrade };
}

function without(lines: string, named: ReadonlySet<string>): string {
  const kept = lines.split('\r\n').filter((line) => line !== '' && !named.has(line.slice(0, line.indexOf(':')).toLowerCase()));
  return kept.map((line) => `${line}\r\n`).join('');
}

/** The lines for a client that says nothing itself: those of its last requests. */
const own = new Map<string, string>();
const MOST_CLIENTS = 1000;

type Before = ReadonlyMap<string, string> | undefined;

function forwardedLines(request: Request, host: string | undefined, before: Before, { trust }: Settings): string {
  const address = request.remoteAddress;
  const proto = request.tls ? 'https' : 'http';
  const trusted = before !== undefined && (typeof trust === 'function' ? trust(address) : trust);
  if (trusted) return linesFor(address, proto, host, before);
  const key = `${address} ${proto} ${host ?? ''}`;
  let lines = own.get(key);
  if (lines === undefined) {
    lines = linesFor(address, proto, host);
    if (own.size >= MOST_CLIENTS) own.clear();
    own.set(key, lines);
  }
  return lines;
}

/** A Unix socket has no address. */
const UNKNOWN = 'unknown';

function linesFor(address: string, proto: string, host: string | undefined, before?: Before): string {
  const behind = (name: string, value: string) => {
    const earlier = before?.get(name);
    return earlier === undefined ? value : `${earlier}, ${value}`;
  };
  const client = address === '' ? UNKNOWN : address;
  // RFC 7239: addresses of IPv6 in brackets, and what is no token in quotes.
  const node = client.includes(':') ? `"[${client}]"` : client;
  const itsHost = host === undefined ? '' : `;host="${host.replace(/["\\]/g, '')}"`;
  let lines = `X-Forwarded-For: ${behind('x-forwarded-for', client)}\r\n`;
  lines += `X-Forwarded-Proto: ${before?.get('x-forwarded-proto') ?? proto}\r\n`;
  const toldHost = before?.get('x-forwarded-host') ?? host;
  if (toldHost !== undefined) lines += `X-Forwarded-Host: ${toldHost}\r\n`;
  return `${lines}Forwarded: ${behind('forwarded', `for=${node};proto=${proto}${itsHost}`)}\r\n`;
}

/** An answer's head as far as it is passed on. */
export interface PassedAnswer {
  readonly lines: string;
  readonly pairs: readonly (readonly [name: string, value: string])[];
  /** The Content-Length, which is not among them; -1 for none. */
  readonly length: number;
  readonly upgrade: string | undefined;
}

function takeApart(list: readonly string[]): PassedAnswer {
  let pairs: [string, string][] = [];
  let connection = '';
  let length = -1;
  let upgrade: string | undefined;
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i]!, list[i + 1]!];
    const kind = answerKinds.of(name);
    if (kind === Kind.plain) pairs.push([name, value]);
    else if (kind === Kind.connection) connection += `,${value}`;
    else if (kind === Kind.length) length = Number(value);
    else if (kind === Kind.upgrade) upgrade = value;
  }
  const named = connection === '' ? undefined : namedBy(connection);
  if (named) pairs = pairs.filter(([name]) => !named.has(name.toLowerCase()));
  return { pairs, lines: pairs.map(([name, value]) => `${name}: ${value}\r\n`).join(''), length, upgrade };
}

/** The heads of an upstream's answers. Most are, byte for byte, what the one before was. */
export class PassedAnswers {
  private last: { bytes: Buffer; length: number; passed: PassedAnswer } | undefined;

  of({ bytes, headLength }: Answer): PassedAnswer {
    const { last } = this;
    if (last?.length === headLength && last.bytes.compare(bytes, 0, headLength, 0, headLength) === 0) return last.passed;
    const passed = takeApart(httpClientFields(bytes, headLength, false));
    this.last = { bytes, length: headLength, passed };
    return passed;
  }
}
