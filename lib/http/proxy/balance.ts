import { createHash } from 'node:crypto';

import type { Request } from '../request.js';
import type { Settings } from './options.js';
import type { Upstream } from './upstream.js';

/** Chooses an upstream that is available, and was not asked before; undefined: there is none. */
export type Balance = (request: Request, asked: readonly Upstream[]) => Upstream | undefined;

/** Points of each upstream on the ring: so each gets its share within a tenth or so. */
const POINTS = 160;

const free = (upstream: Upstream, asked: readonly Upstream[]) => upstream.available && !asked.includes(upstream);

export function balanceOf(upstreams: readonly Upstream[], balance: Settings['balance']): Balance {
  if (typeof balance === 'object') return byHash(upstreams, keyOf(balance.hash));
  return balance === 'round-robin' ? inTurn(upstreams) : leastActive(upstreams);
}

function inTurn(upstreams: readonly Upstream[]): Balance {
  let next = 0;
  return (_request, asked) => {
    for (let i = 0; i < upstreams.length; i++) {
      const upstream = upstreams[next++ % upstreams.length]!;
      if (free(upstream, asked)) return upstream;
    }
    return undefined;
  };
}

/** Of those with equally few requests each in turn: otherwise the first one would get all of a slow trickle. */
function leastActive(upstreams: readonly Upstream[]): Balance {
  let first = 0;
  return (_request, asked) => {
    let least: Upstream | undefined;
    for (let i = 0; i < upstreams.length; i++) {
      const upstream = upstreams[(first + i) % upstreams.length]!;
      if (free(upstream, asked) && upstream.active < (least?.active ?? Infinity)) least = upstream;
    }
    first++;
    return least;
  };
}

type Key = (request: Request) => string;

function keyOf(by: 'address' | { header: string } | { cookie: string }): Key {
  if (by === 'address') return (request) => request.remoteAddress;
  if ('header' in by) return (request) => request.headers.get(by.header) ?? request.remoteAddress;
  return (request) => cookieIn(request.headers.get('cookie') ?? '', by.cookie) ?? request.remoteAddress;
}

function cookieIn(field: string, name: string): string | undefined {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** 32 bits, spread well whatever the keys are like. */
function placeOf(text: string): number {
  return createHash('sha1').update(text).digest().readUInt32BE(0);
}

/** Keys whose place is known; a client that makes up cookies must not fill the memory. */
const MOST_PLACES = 10_000;

/**
 * Consistent hashing (Karger et al. 1997): each upstream has points on a ring, a key belongs to the next point behind its own place. When
 * an upstream is left out its keys go to others, and no other key moves.
 */
function byHash(upstreams: readonly Upstream[], key: Key): Balance {
  const ring = upstreams
    .flatMap((upstream) => Array.from({ length: POINTS }, (_, i) => ({ place: placeOf(`${upstream.url} ${String(i)}`), upstream })))
    .sort((a, b) => a.place - b.place);
  const places = new Map<string, number>();
  return (request, asked) => {
    const text = key(request);
    let place = places.get(text);
    if (place === undefined) {
      place = placeOf(text);
      if (places.size >= MOST_PLACES) places.clear();
      places.set(text, place);
    }
    const from = firstBehind(ring, place);
    for (let i = 0; i < ring.length; i++) {
      const { upstream } = ring[(from + i) % ring.length]!;
      if (free(upstream, asked)) return upstream;
    }
    return undefined;
  };
}

function firstBehind(ring: readonly { place: number }[], place: number): number {
  let [low, high] = [0, ring.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ring[middle]!.place < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
