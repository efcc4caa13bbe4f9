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

/**
 * What a server answers to the offers of a client, and the size of the window that it may use; undefined: no compression.
 *
 * No message may count on an earlier one, in either direction: so an idle socket needs no window.
 */
export function acceptOffer(header: string | undefined): { answer: string; windowBits: number } | undefined {
  for (const element of listIn(header)) {
    const parameters = parametersOf(element);
    const bits = parameters?.get('server_max_window_bits') ?? MOST_BITS;
    // zlib cannot do 8 in a stream without a header.
    if (!parameters || bits === LEAST_BITS) continue;
    const limit = parameters.has('server_max_window_bits') ? `; server_max_window_bits=${String(bits)}` : '';
    return { answer: `${NAME}; server_no_context_takeover; client_no_context_takeover${limit}`, windowBits: bits as number };
  }
  return undefined;
}

/** What a client offers. */
export const OFFER = `${NAME}; server_no_context_takeover; client_no_context_takeover`;

/** Whether a server has agreed to that; undefined when its answer is not one to it. */
export function agreedUpon(header: string | undefined): boolean | undefined {
  const elements = listIn(header);
  if (elements.length === 0) return false;
  const parameters = elements.length === 1 ? parametersOf(elements[0]!) : undefined;
  if (!parameters?.has('server_no_context_takeover') || parameters.has('client_max_window_bits')) return undefined;
  return true;
}
