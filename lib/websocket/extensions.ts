import { listIn } from './handshake.js';

/** The negotiation of permessage-deflate; RFC 7692, section 7. */

const NAME = 'permessage-deflate';
const PARAMETER = /^([a-z_]+)(?:\s*=\s*(?:"(\d+)"|(\d+)))?$/;
const LEAST_BITS = 8;
export const MOST_BITS = 15;

/** The parameters of an element of Sec-WebSocket-Extensions: true for one without a value; undefined when that is not as it should be. */
function parametersOf(element: string): Map<string, number | true> | undefined {
  const [name, ...texts] = element.split(';').map((text) => text.trim());
  if (name !== NAME) return undefined;
  const parameters = new Map<string, number | true>();
  for (const text of texts) {
    const match = PARAMETER.exec(text);
    if (!match) return undefined;
    const [, key, quoted, plain] = match;
    const digits = quoted ?? plain;
    const isBits = key === 'server_max_window_bits' || key === 'client_max_window_bits';
    const isTakeover = key === 'server_no_context_takeover' || key === 'client_no_context_takeover';
    if (parameters.has(key!) || (!isBits && !isTakeover)) return undefined;
    if (digits === undefined ? key === 'server_max_window_bits' : isTakeover || !inRange(digits)) return undefined;
    parameters.set(key, digits === undefined ? true : Number(digits));
  }
  return parameters;
}

function inRange(digits: string): boolean {
  const bits = Number(digits);
  return !digits.startsWith('0') && bits >= LEAST_BITS && bits <= MOST_BITS;
}

/** What one side sends. */
interface Direction {
  /** Of its window: what is compressed refers to at most 2 to that power bytes before. */
  readonly windowBits: number;
  /** Whether messages refer to earlier ones. */
  readonly takesOver: boolean;
}

/** What both sides have agreed upon. */
export interface DeflateTerms {
  readonly own: Direction;
  readonly peer: Direction;
}

/** What this side would like. */
export interface DeflateWishes {
  readonly contextTakeover: boolean;
  readonly windowBits: number;
}

const bitsOf = (value: number | true | undefined): number => (typeof value === 'number' ? value : MOST_BITS);

/** What a server answers to the offers of a client, and what holds then; undefined: no compression. */
export function acceptOffer(header: string | undefined, wishes: DeflateWishes): { answer: string; terms: DeflateTerms } | undefined {
  for (const element of listIn(header)) {
    const parameters = parametersOf(element);
    if (!parameters) continue;
    const asked = parameters.get('server_max_window_bits');
    const ownBits = Math.min(bitsOf(asked), wishes.windowBits);
    // zlib cannot do 8 in a stream without a header.
    if (ownBits === LEAST_BITS) continue;
    // A client that does not name it cannot be told to use less.
    const peerBits = parameters.has('client_max_window_bits')
      ? Math.min(bitsOf(parameters.get('client_max_window_bits')), wishes.windowBits) : MOST_BITS;
    const own = { windowBits: ownBits, takesOver: wishes.contextTakeover && !parameters.has('server_no_context_takeover') };
    const peer = { windowBits: peerBits, takesOver: wishes.contextTakeover && !parameters.has('client_no_context_takeover') };
    let answer = NAME;
    if (!own.takesOver) answer += '; server_no_context_takeover';
    if (!peer.takesOver) answer += '; client_no_context_takeover';
    if (asked !== undefined || ownBits < MOST_BITS) answer += `; server_max_window_bits=${String(ownBits)}`;
    if (wishes.windowBits < MOST_BITS && parameters.has('client_max_window_bits')) answer += `; client_max_window_bits=${String(peerBits)}`;
    // What it will not go beyond by itself is no promise without that.
    else if (peerBits < MOST_BITS) return { answer, terms: { own, peer: { ...peer, windowBits: MOST_BITS } } };
    return { answer, terms: { own, peer } };
  }
  return undefined;
}

/** What a client offers. */
export function offerOf({ contextTakeover, windowBits }: DeflateWishes): string {
  const takeover = contextTakeover ? '' : '; server_no_context_takeover; client_no_context_takeover';
  const servers = windowBits === MOST_BITS ? '' : `; server_max_window_bits=${String(windowBits)}`;
  // Without a number: this side uses as few as it likes, and ws refuses numbers below its own.
  const own = contextTakeover || windowBits < MOST_BITS ? '; client_max_window_bits' : '';
  return NAME + takeover + servers + own;
}

/** What a server has agreed to; false: to nothing; undefined when its answer is not one to that offer. */
export function agreedUpon(header: string | undefined, wishes: DeflateWishes): DeflateTerms | false | undefined {
  const elements = listIn(header);
  if (elements.length === 0) return false;
  const parameters = elements.length === 1 ? parametersOf(elements[0]!) : undefined;
  if (!parameters) return undefined;
  const { contextTakeover, windowBits } = wishes;
  const limited = windowBits < MOST_BITS;
  if (!contextTakeover && !parameters.has('server_no_context_takeover')) return undefined;
  const peerBits = bitsOf(parameters.get('server_max_window_bits'));
  if (peerBits > windowBits) return undefined;
  const answered = parameters.get('client_max_window_bits');
  if (answered !== undefined && (!(contextTakeover || limited) || answered === true || answered === LEAST_BITS)) return undefined;
  return {
    own: {
      windowBits: Math.min(bitsOf(answered), windowBits),
      takesOver: contextTakeover && !parameters.has('client_no_context_takeover'),
    },
    peer: { windowBits: peerBits, takesOver: !parameters.has('server_no_context_takeover') },
  };
}
