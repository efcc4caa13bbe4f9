import { isIP } from 'node:net';

import { lookup } from '../dns/lookup.js';
import type { Host } from './native.js';

/** Where datagrams go to and come from. */
export interface UdpEndpoint {
  /** 1 to 65535 to send there; 0 to bind to a port of the system's choice. */
  port?: number;
  /** A name or a numeric address. */
  host?: string;
  /** A numeric address, as a {@link Datagram} has it; `host` goes before. */
  address?: string;
}

/** Addresses that were parsed before: most programs send to few. */
const parsed = new Map<string, Host>();
const MOST_PARSED = 1000;

/** The numeric address of `host`, as native calls take it: looked up if it is a name. Parks then. */
export function hostOf(host: string, family: 4 | 6): Host {
  const known = parsed.get(host);
  if (known !== undefined) return known;
  const version = isIP(host);
  if (version === 0) return hostOf(lookup(host, { family }).address, family);
  const result = version === 6 ? host : numberOf(host);
  if (parsed.size >= MOST_PARSED) parsed.clear();
  parsed.set(host, result);
  return result;
}

function numberOf(ipv4: string): number {
  return ipv4.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
}

/** The text of an address. */
export function textOf(host: Host): string {
  if (typeof host === 'string') return host;
  return `${String(host >>> 24)}.${String((host >>> 16) & 255)}.${String((host >>> 8) & 255)}.${String(host & 255)}`;
}

/** A datagram that was received, and who sent it. */
export class Datagram {
  /** Its bytes; of `receiveInto` the part of the buffer that holds them. */
  readonly data: Buffer;
  /** The sender's port. */
  readonly port: number;
  /** How many bytes it had; more than `data` has if the buffer of `receiveInto` was too small. */
  readonly size: number;
  /** @internal */
  readonly from: Host;

  /** @internal */
  constructor(data: Buffer, from: Host, port: number, size = data.length) {
    this.data = data;
    this.from = from;
    this.port = port;
    this.size = size;
  }

  /** The sender's numeric address. */
  get address(): string {
    return textOf(this.from);
  }

  /** The kind of address. */
  get family(): 'IPv4' | 'IPv6' {
    return typeof this.from === 'number' ? 'IPv4' : 'IPv6';
  }

  /** Whether `data` lacks the end of the datagram. */
  get truncated(): boolean {
    return this.size > this.data.length;
  }
}
