import { isIPv4, isIPv6, SocketAddress, type BlockList } from 'node:net';

import { functionOf, invalidType, numberIn } from '../internal/arguments.js';
import { ETIMEDOUT } from '../internal/results.js';
import { ProxyProtocolError } from './errors.js';
import { refuseUnknown } from './known.js';
import { httpReadBefore } from './native.js';
import { isOf, networksOf } from './networks.js';

/** See {@link ServeOptions.proxyProtocol}. */
export interface ProxyProtocolOptions {
  /** Addresses and networks (`10.0.0.0/8`) of the proxies. Connections of others are refused. Default: whoever connects is believed. */
  from?: readonly string[];
  /** For how many milliseconds the header may take. Default 5000. */
  headerMs?: number;
  /** Called with the error of a connection that was refused, and the address that it came from. Default: nothing is done. */
  onError?: (error: ProxyProtocolError, remoteAddress: string) => void;
}

/** The same, checked. */
export interface ProxyProtocolTerms {
  readonly from: BlockList | undefined;
  readonly headerMs: number;
  readonly onError: ProxyProtocolOptions['onError'];
}

const LONGEST = 2 ** 31 - 1;

/** @throws TypeError, RangeError */
export function proxyProtocolTerms(given: boolean | ProxyProtocolOptions | undefined): ProxyProtocolTerms | undefined {
  if (given === undefined || given === false) return undefined;
  if (given !== true && (typeof given !== 'object' || given as unknown === null)) {
    throw invalidType('options.proxyProtocol', 'a boolean or an object', given);
  }
  const { from, headerMs = 5000, onError } = given === true ? {} : given;
  if (given !== true) refuseUnknown('options.proxyProtocol', given, ['from', 'headerMs', 'onError']);
  numberIn('options.proxyProtocol.headerMs', headerMs, 1, LONGEST);
  if (onError !== undefined) functionOf('options.proxyProtocol.onError', onError);
  return { from: from === undefined ? undefined : networksOf('options.proxyProtocol.from', from), headerMs, onError };
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The shortest header is longer, so no byte of what follows is taken with these. */
const FIRST = SIGNATURE.length;
/** Of version 1, with its end: "PROXY UNKNOWN" and the longest addresses there are. */
const MOST_LINE = 107;
/** Of version 2 behind its first 16 bytes: addresses and what proxies add, such as a certificate's names. */
const MOST_BYTES = 2048;
const V2_HEAD = 16;
const NO_PEER = undefined;

type Peer = readonly [host: string, port: number];

const refused = (what: string): ProxyProtocolError => new ProxyProtocolError(`the connection was refused: ${what}`);

/** Reads from a connection before its first request: no byte more than asked for, because TLS or HTTP begins behind them. */
class Before {
  private readonly until: number;
  constructor(private readonly number: number, private readonly ms: number) {
    this.until = performance.now() + ms;
  }

  /** Exactly `n` bytes. Parks. */
  take(n: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = n; left > 0;) {
      const part = httpReadBefore(this.number, left, Math.max(1, this.until - performance.now()));
      if (part === ETIMEDOUT) throw refused(`its PROXY header was not there within ${String(this.ms)} ms`);
      if (typeof part === 'number') throw refused('it has ended within its PROXY header');
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

/**
 * Takes the header of HAProxy's PROXY protocol, version 1 or 2, off a new connection, and returns the client's address; undefined: the
 * proxy speaks for itself, or does not know. By "The PROXY protocol, versions 1 & 2" of HAProxy. Parks.
 *
 * @param remoteAddress where the connection comes from
 * @throws ProxyProtocolError
 */
export function readProxyHeader(number: number, { from, headerMs }: ProxyProtocolTerms, remoteAddress: string): Peer | undefined {
  if (from && !isOf(from, remoteAddress)) {
    throw refused('it comes from none of the proxies');
  }
  const bytes = new Before(number, headerMs);
  const first = bytes.take(FIRST);
  if (first.equals(SIGNATURE)) return secondVersion(bytes);
  if (first.toString('latin1').startsWith('PROXY ')) return firstVersion(bytes, first);
  throw refused('it does not begin with a PROXY header');
}

/** Takes two bytes at a time, as many as any line that goes on has at least. Parks. */
function firstVersion(bytes: Before, first: Buffer): Peer | undefined {
  let line = first.toString('latin1');
  while (!line.endsWith('\r\n')) {
    if (line.length >= MOST_LINE) throw refused(`its PROXY line has more than ${String(MOST_LINE)} bytes`);
    if (/[\n]/.test(line)) throw refused('its PROXY line ends without a carriage return');
    line += bytes.take(line.endsWith('\r') ? 1 : Math.min(2, MOST_LINE - line.length)).toString('latin1');
  }
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?\r\n$/.test(line)) return NO_PEER;
  const [, family, source, target, port, targetPort] = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line) ?? [];
  const isAddress = family === '4' ? isIPv4 : (text: string) => isIPv6(text) && !text.includes('%');
  if (!isAddress(source ?? '') || !isAddress(target ?? '') || !isPort(port!) || !isPort(targetPort!)) {
    throw refused(`its PROXY line is malformed: ${JSON.stringify(line)}`);
  }
  return [family === '4' ? source! : normal(source!), Number(port)];
}

const isPort = (text: string): boolean => (text === '0' || !text.startsWith('0')) && Number(text) <= 65535;

/** As the system writes it. */
const normal = (ipv6: string): string => new SocketAddress({ address: ipv6, family: 'ipv6' }).address;

/** Bytes of the addresses by their family: none, IPv4, IPv6, Unix. */
const ADDRESSES = [0, 12, 36, 216];

/** Parks. */
function secondVersion(bytes: Before): Peer | undefined {
  const head = bytes.take(V2_HEAD - FIRST);
  const [version, command, family, transport] = [head[0]! >> 4, head[0]! & 15, head[1]! >> 4, head[1]! & 15];
  const length = head.readUInt16BE(2);
  if (version !== 2 || command > 1) throw refused(`its PROXY header has version ${String(version)} and command ${String(command)}`);
  if (length > MOST_BYTES) throw refused(`its PROXY header has more than ${String(MOST_BYTES)} bytes`);
  const rest = length === 0 ? Buffer.alloc(0) : bytes.take(length);
  // LOCAL: a check of health, say, in which the rest means nothing.
  if (command === 0) return NO_PEER;
  const own = ADDRESSES[family];
  if (own === undefined || transport > 1 || (family !== 0) !== (transport === 1)) {
    throw refused(`its PROXY header has the kind of address ${String(head[1])}`);
  }
  if (length < own) throw refused('its PROXY header is shorter than its addresses');
  checkAdditions(rest.subarray(own));
  if (family === 1) return [rest.subarray(0, 4).join('.'), rest.readUInt16BE(8)];
  if (family !== 2) return NO_PEER;
  const groups = Array.from({ length: 8 }, (_, i) => rest.readUInt16BE(2 * i).toString(16));
  return [normal(groups.join(':')), rest.readUInt16BE(32)];
}

/** Each has a type, a length and so many bytes. */
function checkAdditions(additions: Buffer): void {
  for (let at = 0; at < additions.length;) {
    const end = at + 3 <= additions.length ? at + 3 + additions.readUInt16BE(at + 1) : Infinity;
    if (end > additions.length) throw refused('its PROXY header ends within an addition');
    at = end;
  }
}
