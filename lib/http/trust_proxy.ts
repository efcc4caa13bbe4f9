import { isIP, type BlockList } from 'node:net';

import { invalidType, oneOf } from '../internal/arguments.js';
import { refuseUnknown } from './known.js';
import { isOf, networksOf } from './networks.js';

/** See {@link ServeOptions.trustProxy}. */
export interface TrustProxyOptions {
  /** Addresses and networks (`10.0.0.0/8`) of the proxies. */
  from: readonly string[];
  /**
   * Where the proxies say whom they pass on. They have to write or extend this very header, or what clients send in it counts. Default
   * `x-forwarded-for`.
   */
  header?: 'x-forwarded-for' | 'forwarded';
}

/** The same, checked. */
export interface ProxyTrust {
  readonly from: BlockList;
  readonly header: 'x-forwarded-for' | 'forwarded';
}

/** What stands further from us is a client's invention. */
const MOST_HOPS = 32;

/** @throws TypeError */
export function proxyTrust(given: TrustProxyOptions | undefined): ProxyTrust | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given as unknown === null) throw invalidType('options.trustProxy', 'an object', given);
  refuseUnknown('options.trustProxy', given, ['from', 'header']);
  const { from, header = 'x-forwarded-for' } = given;
  oneOf('options.trustProxy.header', header, ['x-forwarded-for', 'forwarded']);
  return { from: networksOf('options.trustProxy.from', from), header };
}

/**
 * The address of the client behind proxies: from the last that was named to the first, as long as those that name are trusted. What is
 * no address, and what stands before it, is not believed.
 *
 * @param value of the header, all of its lines
 */
export function clientBehind(remoteAddress: string, value: string | undefined, { from, header }: ProxyTrust): string {
  let client = remoteAddress;
  if (value === undefined || !isOf(from, client)) return client;
  const named = header === 'forwarded' ? forwardedFor(value) : value.split(',');
  for (const one of named.slice(-MOST_HOPS).reverse()) {
    const address = addressOf(one.trim());
    if (address === undefined) break;
    client = address;
    if (!isOf(from, client)) break;
  }
  return client;
}

/** Without its port, and the brackets of IPv6. */
function addressOf(text: string): string | undefined {
  const bare = isIP(text) === 0 ? /^(?:\[([^\]]*)\]|([^:]*))(?::\w+)?$/.exec(text)?.slice(1).find((one) => one !== undefined) : text;
  return bare !== undefined && isIP(bare) !== 0 ? bare : undefined;
}

/** `name=token` or `name="quoted"` of RFC 7239, and what ends it. */
const PAIR = /[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/gy;

/** The values of `for`, "" for an element without one; nothing when the header is malformed, because its ends are unclear then. */
function forwardedFor(value: string): string[] {
  const all: string[] = [];
  let current = '';
  PAIR.lastIndex = 0;
  for (;;) {
    const match = PAIR.exec(value);
    if (!match) return [];
    const [, name, token, quoted, end] = match;
    if (name?.toLowerCase() === 'for') current = token ?? quoted!.replace(/\\(.)/g, '$1');
    if (end === ';') continue;
    all.push(current);
    current = '';
    if (end === '') return all;
  }
}
