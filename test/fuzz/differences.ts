/** Where the two readings of one input part, and whether that is meant to be so. */
import { readWithKnot } from './knot.js';
import { readWithLlhttp } from './llhttp.js';
import type { Message, Reading } from './reading.js';

export interface Difference {
  /** `stricter`: refused here and accepted there; `laxer`: the other way round; `other`: two readings of one message. */
  kind: 'stricter' | 'laxer' | 'other';
  /** llhttp's reason, or the field in which the two differ. */
  detail: string;
  /** The two readings of the message in which they differ. */
  knot: Message | undefined;
  llhttp: Message | undefined;
  /** Our answer to it, when it was refused here. */
  status: string;
  input: string;
  /** The input from the message on that was refused here; else all of it. */
  text: string;
}

function disagreement(a: Message, b: Message): string | undefined {
  if (a.method !== b.method) return `method: ${a.method} or ${b.method}`;
  if (a.target !== b.target) return `target: ${a.target} or ${b.target}`;
  if (a.minor !== b.minor) return `version: ${String(a.minor)} or ${String(b.minor)}`;
  if (a.keepAlive !== b.keepAlive) return `keep-alive: ${String(a.keepAlive)} or ${String(b.keepAlive)}`;
  if (a.headers.join('\n') !== b.headers.join('\n')) return `headers: ${a.headers.join('|')} or ${b.headers.join('|')}`;
  // Of a body that is refused in the middle, each parser may have given out another part.
  if (a.complete && b.complete && a.body !== b.body) return `body: ${a.body} or ${b.body}`;
  return undefined;
}

/** Does the message end the connection, and with it the reading? */
function ends(message: Message | undefined): boolean {
  return message !== undefined && message.complete && !message.keepAlive;
}

function endOf(reading: Reading): Reading['end'] {
  return ends(reading.messages.at(-1)) ? 'over' : reading.end;
}

/** Text that may complete a head which has been cut off. */
const ENDINGS = ['', ' ', '/ ', ' / '].flatMap((start) => [`${start}HTTP/1.1\r\nHost: a\r\n\r\n`, `${start}\r\n\r\n`, `${start}\n\r\n`, `${start}:\r\n\r\n`]);

/** One parser judges a line byte by byte, the other when it is complete: is the cut-off message refused here, too? */
function refusesLater(read: (bytes: Buffer) => Reading, text: string, messages: number): boolean {
  return ENDINGS.every((ending) => read(Buffer.from(text + ending, 'latin1')).messages.length <= messages);
}

export function compare(text: string): Difference | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const knot = readWithKnot(bytes);
  const llhttp = readWithLlhttp(bytes);
  const difference = (i: number, kind: Difference['kind'], detail: string): Difference => {
    const known = { knot: knot.messages[i], llhttp: llhttp.messages[i], status: knot.end === 'error' ? knot.reason : '' };
    return { kind, detail, ...known, input: text, text: knot.end === 'error' ? text.slice(knot.at) : text };
  };
  const common = Math.min(knot.messages.length, llhttp.messages.length);
  for (let i = 0; i < common; i++) {
    const what = disagreement(knot.messages[i]!, llhttp.messages[i]!);
    if (what !== undefined) return difference(i, 'other', what);
  }
  const ours = endOf(knot);
  const theirs = endOf(llhttp);
  if (knot.messages.length === llhttp.messages.length && ours === theirs) {
    const last = knot.messages.at(-1);
    if (last && ours !== 'error' && last.complete !== llhttp.messages.at(-1)!.complete) return difference(common - 1, 'other', 'end of the body');
    return undefined;
  }
  if (ours === 'error') {
    const further = llhttp.messages.length > knot.messages.length;
    if (!further && (theirs === 'error' || (theirs === 'more' && refusesLater(readWithLlhttp, text, llhttp.messages.length)))) return undefined;
    return difference(common, 'stricter', llhttp.reason);
  }
  if (theirs === 'error') {
    if (refusesLater(readWithKnot, text, knot.messages.length)) return undefined;
    const last = llhttp.messages.length - 1;
    return difference(last >= 0 && !llhttp.messages[last]!.complete ? last : last + 1, 'laxer', llhttp.reason);
  }
  return difference(Math.max(common - 1, 0), 'other', `end: ${ours} or ${theirs}`);
}
