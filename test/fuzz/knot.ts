/** Reads with the parsers of this package, in the way in which native/http/connection_input.cc puts them together. */
import { native } from '../../lib/internal/native.js';
import type { Message, Reading } from './reading.js';

const { httpParse, httpDecodeChunked } = native as unknown as {
  /** See native/binding/http_parse.cc. */
  httpParse: (bytes: Uint8Array, from: number) => number | [number, string, string, number, number, number, ...string[]];
  httpDecodeChunked: (bytes: Uint8Array, from: number) => [outcome: number, consumed: number, payload: string];
};

export function readWithKnot(bytes: Buffer): Reading {
  const messages: Message[] = [];
  const reading = (end: Reading['end'], at: number, reason = ''): Reading => ({ messages, end, at, reason });
  let at = 0;
  for (;;) {
    const head = httpParse(bytes, at);
    if (typeof head === 'number') return head === 0 ? reading('more', at) : reading('error', at, String(head));
    const [consumed, method, target, minor, length, flags, ...headers] = head;
    const keepAlive = (flags & 2) !== 0;
    const message: Message = { method, target, minor, headers, body: '', keepAlive, complete: false };
    messages.push(message);
    const begin = at;
    at += consumed;
    // llhttp, too, reads no body behind CONNECT; behind an upgrade it does.
    if (method === 'CONNECT') {
      message.complete = true;
      return reading('over', at);
    }
    if (flags & 1) {
      const [outcome, used, payload] = httpDecodeChunked(bytes, at);
      message.body = payload;
      if (outcome !== 1) return outcome === 0 ? reading('more', begin) : reading('error', begin, 'chunks');
      at += used;
    } else if (length > 0) {
      message.body = bytes.toString('latin1', at, Math.min(at + length, bytes.length));
      if (message.body.length < length) return reading('more', begin);
      at += length;
    }
    message.complete = true;
    if (!keepAlive || flags & 4) return reading('over', at);
  }
}
