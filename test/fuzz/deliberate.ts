/**
 * Where this package's parser differs from llhttp on purpose. A difference that the fuzzer finds and that is not here is a
 * bug, or belongs here with its reason.
 */
import type { Difference } from './differences.js';

export interface Deliberate {
  name: string;
  why: string;
  /** Any, if absent. */
  kind?: Difference['kind'];
  matches: (difference: Difference) => boolean;
}

/** The head of the message that was refused, up to its end or as far as it goes. */
function headOf({ text }: Difference): string {
  const begin = text.replace(/^(\r\n)+/, '');
  const end = begin.indexOf('\r\n\r\n');
  return end < 0 ? begin : begin.slice(0, end + 2);
}

const requestLine = (difference: Difference): string => headOf(difference).split('\r\n', 1)[0]!;
const hasLine = (difference: Difference, line: RegExp): boolean => line.test(headOf(difference));
const countLines = (difference: Difference, line: RegExp): number => headOf(difference).match(line)?.length ?? 0;

/** Refused here with that status, and accepted there (or refused only later on). */
function stricter(name: string, why: string, status: string, matches: Deliberate['matches']): Deliberate {
  return { name, why, kind: 'stricter', matches: (difference) => difference.status === status && matches(difference) };
}

export const DELIBERATE: readonly Deliberate[] = [
  stricter('no Host', 'RFC 9112 section 3.2 demands 400; llhttp leaves it to its caller', '400', (d) => {
    return /HTTP\/1\.[1-9]$/.test(requestLine(d)) && !hasLine(d, /\r\nHost:/i);
  }),
  stricter('two Hosts', 'RFC 9112 section 3.2 demands 400; two readers may each take another', '400', (d) => countLines(d, /\r\nHost:/gi) > 1),
  stricter('invalid Host', 'RFC 9112 section 3.2 demands 400 for what is no host and port', '400', (d) => {
    return hasLine(d, /\r\nHost:[ \t]*[^\r]*[^\r\w.~!$&'()*+,;=%:[\]-][^\r]*\r/i);
  }),
  stricter('form of the target', 'RFC 9112 section 3.2: a path, a URI, "*" for OPTIONS only, an authority for CONNECT only', '400', (d) => {
    const [method, target = ''] = requestLine(d).split(' ');
    if (method === 'CONNECT') return !/^[\w.~!$&'()*+,;=%:[\]-]+$/.test(target);
    return target.startsWith('*') && !(method === 'OPTIONS' && target === '*');
  }),
  stricter('HTTP/0.9', 'a request line without a version; llhttp takes it, although no client has sent one for decades', '400', (d) => {
    return /^[^ ]+ +[^ \n]* *(\n|$)/.test(requestLine(d));
  }),
  stricter('blanks in the request line', 'one between its parts, as RFC 9112 section 3 has it', '400', (d) => /^[^ ]+( {2}| [^ ]+ {2})/.test(requestLine(d))),
  stricter('empty lines before a request', 'two are ignored, more cost the client nothing and us time', '400', (d) => d.text.startsWith('\r\n\r\n\r\n')),
  stricter('line feeds before a request', 'a bare LF ends no line', '400', (d) => /^[\r\n]*\n/.test(d.text)),
  stricter('carriage returns before a request', 'a bare CR is no line end', '400', (d) => /^[\r\n]*\r[^\n]/.test(d.text)),
  stricter('repeated Transfer-Encoding', 'even where both say "chunked": a body is not in chunks twice', '400', (d) => countLines(d, /\r\nTransfer-Encoding:/gi) > 1),
  stricter('Transfer-Encoding in HTTP/1.0', 'an HTTP/1.0 proxy in between has not understood it', '400', (d) => {
    return requestLine(d).endsWith('HTTP/1.0') && hasLine(d, /\r\nTransfer-Encoding:/i);
  }),
  stricter('length beyond 63 bits', 'llhttp counts in 64 bits without a sign', '400', (d) => hasLine(d, /\r\nContent-Length:[ \t]*0*(9[2-9]|1\d)\d{17,}/i)),
  stricter('transfer coding', 'only "chunked" is implemented: RFC 9112 section 6.1 demands 501', '501', (d) => {
    return hasLine(d, /\r\nTransfer-Encoding:/i);
  }),
  stricter('expectation', 'only "100-continue" exists: RFC 9110 section 10.1.1, 417', '417', (d) => hasLine(d, /\r\nExpect:/i)),
  stricter('version', 'HTTP/1.0 and 1.x only; llhttp lets HTTP/0.9 and 2.0 through to its caller', '505', (d) => {
    return /HTTP\/(?!1)\d\.\d$/.test(requestLine(d));
  }),
  stricter('protocol', 'llhttp knows RTSP and ICE as well', '400', (d) => / (RTSP|ICE)\/\d\.\d$/.test(requestLine(d))),
  stricter('size of a chunk', 'more than fifteen digits: what fits in 64 bits with a sign to spare', 'chunks', (d) => /\r\n[0-9a-f]{16}/i.test(d.text)),
  stricter('extension of a chunk', 'a name, and behind "=" a token or a quoted string', 'chunks', (d) => /\r\n[0-9a-f]+;[^\r]*=(;|\r)/i.test(d.text)),
  stricter('trailer', 'must be fields like those of a head, of 8 KiB at most', 'chunks', (d) => /\r\n0+(;[^\r]*)?\r\n/.test(d.text)),
  {
    name: 'unknown methods',
    why: 'a method is any token (RFC 9110 section 9.1); what it means is for the handler to say',
    kind: 'laxer',
    matches: ({ detail }) => detail.startsWith('INVALID_METHOD'),
  },
  {
    name: 'later versions',
    why: 'HTTP/1.2 to 1.9 count as 1.1 (RFC 9110 section 2.5)',
    kind: 'laxer',
    matches: ({ detail }) => detail.startsWith('INVALID_VERSION: Invalid HTTP version'),
  },
  {
    name: 'framing fields in a trailer',
    why: 'trailers are discarded unread, so that they can frame nothing',
    kind: 'laxer',
    matches: ({ detail, knot }) => knot?.complete === true && /^INVALID_(CONTENT_LENGTH|TRANSFER_ENCODING)/.test(detail),
  },
  {
    name: 'Proxy-Connection',
    why: 'no standard knows it; llhttp takes it for Connection',
    kind: 'other',
    matches: ({ detail, knot }) => detail.startsWith('keep-alive: ') && knot!.headers.some((name) => /^proxy-connection$/i.test(name)),
  },
  {
    name: 'Connection in a trailer',
    why: 'trailers are discarded unread; llhttp closes behind them',
    matches: ({ detail, input }) => {
      const closed = detail === 'end: more or over' || detail.startsWith('CLOSED_CONNECTION');
      return closed && /\r\n0+(;[^\r]*)?\r\n([^\r]*\r\n)*(Proxy-)?Connection:/i.test(input);
    },
  },
  {
    name: 'blanks behind a connection option',
    why: 'no part of it (RFC 9110 section 5.6.1); llhttp does not know "close" with a tab behind it',
    kind: 'other',
    matches: ({ detail, text }) => /^(keep-alive|end): /.test(detail) && /\r\nConnection:[^\r]*\t[^\r]*\r\n/i.test(text),
  },
  {
    name: 'upgrade',
    why: 'in HTTP/1.0 there is none (RFC 9110 section 7.8), and for llhttp even to nothing',
    matches: ({ detail, input }) => {
      const over = detail.startsWith('end: ') || detail.startsWith('PAUSED_UPGRADE');
      return over && /\r\nUpgrade:/i.test(input) && (/\r\nUpgrade:[ \t]*\r/i.test(input) || input.includes(' HTTP/1.0\r\n'));
    },
  },
  {
    name: 'close and keep-alive',
    why: 'close wins in every version (RFC 9112 section 9.3); for llhttp in HTTP/1.0 the other',
    kind: 'other',
    matches: ({ detail, knot }) => {
      if (detail !== 'keep-alive: false or true' || knot!.minor !== 0) return false;
      const values = knot!.headers.filter((_, i, all) => i % 2 === 1 && /^connection$/i.test(all[i - 1]!)).join(',');
      return /close/i.test(values) && /keep-alive/i.test(values);
    },
  },
];

export function deliberate(difference: Difference): Deliberate | undefined {
  return DELIBERATE.find((each) => (each.kind ?? difference.kind) === difference.kind && each.matches(difference));
}
