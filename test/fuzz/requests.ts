/** Requests to begin with, and their mutations. All text is Latin-1: a character is a byte. */
import { Random } from './random.js';

const HOST = 'Host: a.example\r\n';

/** Conversations that both parsers accept. */
export const CORPUS: readonly string[] = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `GET /a/b?c=d&e=%20f HTTP/1.1\r\n${HOST}Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nCookie: a=b; c=d\r\n\r\n`,
  `GET http://a.example/x HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `HEAD /h HTTP/1.1\r\nHost: [::1]:8080\r\nX-Empty:\r\nX-Blank:   \r\n\r\n`,
  'GET /old HTTP/1.0\r\n\r\n',
  `GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /next HTTP/1.0\r\n${HOST}\r\n`,
  `GET /1 HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\nGET /3 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  `POST /p HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nHelloGET /after HTTP/1.1\r\n${HOST}\r\n`,
  `POST /e HTTP/1.1\r\n${HOST}Content-Length: 0\r\nExpect: 100-continue\r\n\r\n`,
  `PUT /c HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\nGET /after HTTP/1.1\r\n${HOST}\r\n`,
  `PATCH /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nA;n=v;q="s"\r\n0123456789\r\n01\r\nx\r\n0\r\nT: v\r\n\r\n`,
  `GET /u HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n`,
  'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n',
  `DELETE /d HTTP/1.1\r\n${HOST}Connection: close, x-hop\r\nX-Long: ${'abc '.repeat(30)}\r\n\r\n`,
  `\r\nGET /crlf HTTP/1.1\r\n${HOST}X-Latin: caf\xe9\r\nX-Tab: a\tb\r\n\r\n`,
];

/** The inserted text: bytes that separate, numbers that overflow, and the lines that request smuggling uses. */
const PIECES: readonly string[] = [
  '\r', '\n', '\r\n', '\r\r\n', '\n\r', '\r\n\r\n', ' ', '  ', '\t', '\v', '\f', '\0', '\x1f', '\x7f', '\x80', '\xa0', '\xff',
  ':', ';', ',', '=', '"', '/', '*', '%', '#', '?', '@', '\\', '|', '-', '+', '0', '1', '5', '9', 'a', 'F', 'G', 'x',
  'GET', 'get', 'POST ', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'M-SEARCH', 'SOURCE /', 'FOO',
  'HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/1', 'http/1.1', ' HTTP/1.1\r\n', 'HTTP/11.1', 'RTSP/1.0', 'ICE/1.0',
  'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'content-length:1\r\n', 'Content-Length: 05\r\n', 'Content-Length: +5\r\n',
  'Content-Length: -1\r\n', 'Content-Length: 5, 5\r\n', 'Content-Length: 5 5\r\n', 'Content-Length: 0x5\r\n', 'Content-Length:\r\n',
  'Content-Length: 18446744073709551616\r\n', 'Content-Length: 9223372036854775808\r\n', 'Content-Length : 5\r\n', 'Content_Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n', 'transfer-encoding:chunked\r\n', 'Transfer-Encoding: CHUNKED\r\n', 'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: gzip\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding: chunked, gzip\r\n',
  'Transfer-Encoding: chunked, chunked\r\n', 'Transfer-Encoding: xchunked\r\n', 'Transfer-Encoding:\x0bchunked\r\n', 'Transfer-Encoding:\r\n',
  'Transfer-Encoding: chunked;q=1\r\n', 'Transfer-Encoding : chunked\r\n', 'Transfer-Encoding:\r\n chunked\r\n', 'Transfer-Encoding\r\n',
  'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Connection: upgrade\r\n', 'Connection: close, keep-alive\r\n', 'Upgrade: h2c\r\n',
  'Proxy-Connection: close\r\n', 'Host: b.example\r\n', 'Host:\r\n', 'Host: a b\r\n', 'Expect: 100-continue\r\n', 'Expect: 200-ok\r\n',
  'X: y\r\n', 'X:y\r\n', 'X: y\r\n z\r\n', ' X: y\r\n', 'X : y\r\n', ': y\r\n', 'X\r\n', 'X: \0\r\n', 'X: y\n', '\xe9: y\r\n',
  '0\r\n\r\n', '5\r\n', '05\r\n', '0005\r\nHello\r\n', '1;x\r\n', '1 \r\n', '1;x="\r\n', '0\r\nX: y\r\n\r\n', '-1\r\n', '0x1\r\n', '1;\r\n', ';\r\n',
  'ffffffffffffffff\r\n', '10000000000000000\r\n', '8000000000000000\r\n', 'fffffffffffffff\r\n', '00000000000000001\r\n',
];

function mutateOnce(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const length = 1 + random.below(8);
  switch (random.below(8)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 3: {
      const other = random.oneOf(CORPUS);
      return text.slice(0, at) + other.slice(random.below(other.length));
    }
    case 4:
    case 5: {
      // Whole lines go where a line begins, because they have no meaning elsewhere.
      const line = text.indexOf('\n', at) + 1;
      return text.slice(0, line) + random.oneOf(PIECES) + text.slice(line);
    }
    case 6:
      return text.slice(0, at) + random.oneOf(PIECES) + text.slice(at + length);
    default:
      return text.slice(0, at) + random.oneOf(PIECES) + text.slice(at);
  }
}

/** The input of that number: always the same for a seed. */
export function mutated(seed: number, index: number): string {
  const random = new Random(Math.imul(seed, 0x01000193) ^ index);
  let text = random.oneOf(CORPUS);
  for (let n = 1 + random.below(4); n > 0; n--) text = mutateOnce(text, random);
  return text;
}
