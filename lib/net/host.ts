import { isIP } from 'node:net';

import { waitCallback } from '../async/wait_callback.js';
import { lookup, type LookupAddress } from '../dns/lookup.js';

/** A function as `dns.lookup` is one. */
export type LookupFunction = (
  hostname: string,
  options: { all: true; family: 0 | 4 | 6; hints?: number },
  callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
) => void;

/** How to look a host up. */
export interface HostOptions {
  family?: 0 | 4 | 6;
  hints?: number;
  lookup?: LookupFunction;
}

/** The numeric addresses of `host`, one at least, in the order in which to try them. Parks, unless `host` is one. */
export function addressesOf(host: string, { family = 0, hints, lookup: own }: HostOptions): string[] {
  if (isIP(host) !== 0) return [host];
  if (!own) return inTurn(lookup(host, { all: true, family, hints }).map((found) => found.address));
  const asked = { all: true, family, ...(hints !== undefined && { hints }) } as const;
  const found = waitCallback<string | LookupAddress[]>((done) => { own(host, asked, done); });
  const addresses = typeof found === 'string' ? [found] : found.map((one) => one.address);
  const wrong = addresses.find((address) => isIP(address) === 0);
  if (addresses.length > 0 && wrong === undefined) return inTurn(addresses);
  throw Object.assign(new TypeError(`Invalid address: ${String(wrong)}`), { code: 'ERR_INVALID_IP_ADDRESS', host });
}

/** IPv6 and IPv4 in turn, beginning with the kind of the first. */
function inTurn(addresses: string[]): string[] {
  const first = isIP(addresses[0]!);
  const mine = addresses.filter((address) => isIP(address) === first);
  const others = addresses.filter((address) => isIP(address) !== first);
  return mine.flatMap((address, i) => (i < others.length ? [address, others[i]!] : [address])).concat(others.slice(mine.length));
}
