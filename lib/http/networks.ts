import { BlockList, isIP } from 'node:net';

import { invalidType, invalidValue } from '../internal/arguments.js';

/** Addresses and networks, such as `10.0.0.0/8`. @throws TypeError */
export function networksOf(name: string, given: readonly string[]): BlockList {
  if (!Array.isArray(given)) throw invalidType(name, 'a list', given);
  const list = new BlockList();
  for (const one of given as readonly unknown[]) {
    const [, address = '', bits] = (typeof one === 'string' && /^([^/]+)(?:\/(\d{1,3}))?$/.exec(one)) || [];
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : Number(bits);
    if (family === 0 || prefix > most) throw invalidValue(name, 'made of addresses and networks', one);
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** IPv4 addresses count also in the form that IPv6 has for them. */
export function isOf(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
