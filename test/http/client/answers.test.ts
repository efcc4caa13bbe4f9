import { describe, expect, it } from 'vitest';
import { sleep, spawn, yieldNow } from 'stackful';
import { Client, HttpClientError, request } from 'stackful/http/client';

import { ok, rawServer, saying, thrown, until } from './peers.js';

/** What a client makes of an answer. */
function outcomeOf(answer: string, method = 'GET', then: 'close' | undefined = 'close'): unknown {
  using server = saying(answer, then);
  using client = new Client();
  try {
    const response = client.request(`${server.url}/`, { method });
    const text = response.body.bytes().toString('latin1');
    return { status: response.status, headers: [...response.headers], text, trailers: response.body.trailers, idle: client.stats.idle };
  } catch (error) {
    if (!(error instanceof HttpClientError)) return { code: (error as NodeJS.ErrnoException).code };
    return { code: error.code };
  }
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('answers', () => {
  it.each([
    ['with a length', ok('hello'), { status: 200, text: 'hello' }],
    ['without a phrase', 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx', { status: 200, text: 'x' }],
    ['with an empty phrase', 'HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n', { status: 404, text: '' }],
    ['with an unknown status', 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n', { status: 999 }],
    ['to the end of the stream', 'HTTP/1.1 200 OK\r\n\r\nall of it', { text: 'all of it', idle: 0 }],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', { text: 'ok', idle: 0 }],
    ['of HTTP/1.0, kept', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok', { text: 'ok' }],
    ['of a later 1.x', 'HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nok', { text: 'ok' }],
    ['in chunks', `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`, { text: 'hello!' }],
    ['in chunks with extensions', `${CHUNKED}5;a=b;c="d\\"e"\r\nhello\r\n0;last\r\n\r\n`, { text: 'hello' }],
    ['with a trailer', `${CHUNKED}2\r\nok\r\n0\r\nX-Sum: 17\r\nX-Sum: 18\r\n\r\n`, { text: 'ok', trailers: { 'x-sum': '17, 18' } }],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', { status: 204, text: '' }],
    ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', { status: 304, text: '' }],
    ['behind informational ones', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok('x')}`, { status: 200, text: 'x' }],
    ['with the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', { text: 'ok' }],
    ['with Latin-1 in a value', ok('', 'X: \xe9\r\n'), { headers: [['Content-Length', '0'], ['X', 'é']] }],
    ['with blanks around a value', ok('', 'X: \t a b \t\r\n'), { headers: [['Content-Length', '0'], ['X', 'a b']] }],
  ])('%s', async (_what, answer, expected) => {
    await spawn(() => { expect(outcomeOf(answer)).toMatchObject(expected); });
  });

  it('to HEAD has no body, whatever its length says', async () => {
    await spawn(() => {
      using server = saying('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n');
      using client = new Client();
      for (let i = 0; i < 3; i++) expect(client.request(server.url, { method: 'HEAD' }).text()).toBe('');
      expect(server.accepted).toBe(1);
    });
  });

  const malformed: [what: string, answer: string, code: string][] = [
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'STATUS_LINE'],
    ['an alert of TLS', '\x15\x03\x01\x00\x02\x02\x46', 'STATUS_LINE'],
    ['an empty line first', `\r\n${ok('x')}`, 'STATUS_LINE'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', 'VERSION'],
    ['HTTP/0.9 in words', 'HTTP/0.9 200 OK\r\n\r\n', 'VERSION'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'STATUS_LINE'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'STATUS_LINE'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'STATUS_LINE'],
    ['a bare LF behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'STATUS_LINE'],
    ['a NUL in the phrase', 'HTTP/1.1 200 O\0K\r\n\r\n', 'STATUS_LINE'],
    ['a bare LF behind a field', 'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n', 'FIELD'],
    ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n', 'FIELD'],
    ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', 'FIELD'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello', 'FIELD'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', 'FIELD'],
    ['a field without a name', 'HTTP/1.1 200 OK\r\n: a\r\n\r\n', 'FIELD'],
    ['a line without a colon', 'HTTP/1.1 200 OK\r\nX\r\n\r\n', 'FIELD'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 'CONTENT_LENGTH'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello', 'CONTENT_LENGTH'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'CONTENT_LENGTH'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello', 'CONTENT_LENGTH'],
    ['a length in hex', 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello', 'CONTENT_LENGTH'],
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n', 'CONTENT_LENGTH'],
    ['a length beyond 63 bits', 'HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999999\r\n\r\n', 'CONTENT_LENGTH'],
    ['length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['chunks and length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['chunks twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['a coding like chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'TRANSFER_ENCODING'],
    ['a chunk without a size', `${CHUNKED}\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a chunk size with a sign', `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a chunk size with 0x', `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a chunk size of 17 digits', `${CHUNKED}10000000000000005\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a blank behind a chunk size', `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a bare LF behind a chunk size', `${CHUNKED}5\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['a chunk that is longer than it says', `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['endless chunk extensions', `${CHUNKED}5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`, 'CHUNK'],
    ['an endless trailer', `${CHUNKED}0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 'CHUNK'],
    ['a malformed trailer', `${CHUNKED}0\r\nX : a\r\n\r\n`, 'CHUNK'],
    ['no byte', '', 'CLOSED'],
    ['the end within the status line', 'HTTP/1.1 2', 'TRUNCATED'],
    ['the end within the fields', 'HTTP/1.1 200 OK\r\nX: a\r\n', 'TRUNCATED'],
    ['the end within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', 'TRUNCATED'],
    ['the end within a chunk', `${CHUNKED}5\r\nhel`, 'TRUNCATED'],
    ['the end before the last chunk', `${CHUNKED}5\r\nhello\r\n`, 'TRUNCATED'],
    ['the end within the trailer', `${CHUNKED}0\r\n`, 'TRUNCATED'],
    ['a head that is too large', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`, 'HEAD_TOO_LARGE'],
    ['too many fields', `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(257)}\r\n`, 'HEAD_TOO_LARGE'],
    ['informational answers without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100), 'INFORMATIONAL'],
    ['101 unasked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'UPGRADE'],
  ];

  it.each(malformed)('%s is an error', async (_what, answer, code) => {
    await spawn(() => { expect(outcomeOf(answer)).toEqual({ code: `ERR_HTTP_CLIENT_${code}` }); });
  });

  const whole = [
    ok('hello'),
    `${CHUNKED}5;x="y"\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n`,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\nX: a\r\nX: b\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    `${CHUNKED}5\r\nhello\r\nz\r\n`,
  ];

  it.each(whole)('however it is cut up: %j', async (answer) => {
    await spawn(() => {
      const expected = outcomeOf(answer);
      using client = new Client();
      using server = rawServer((socket, head) => {
        const at = Number(/\/(\d+) /.exec(head)![1]);
        socket.write(answer.slice(0, at));
        // The client has to have seen the first part before the second comes.
        sleep(1);
        socket.write(answer.slice(at));
        return false;
      });
      for (let at = 1; at < answer.length; at++) {
        let got: unknown;
        try {
          const response = client.request(`${server.url}/${at}`);
          const { body } = response;
          got = { status: response.status, headers: [...response.headers], text: body.bytes().toString('latin1'), trailers: body.trailers };
        } catch (error) {
          got = { code: (error as HttpClientError).code };
        }
        expect(expected).toMatchObject(got as object);
      }
    });
  });

  it('byte by byte', async () => {
    await spawn(() => {
      using server = rawServer((socket) => {
        for (const byte of whole[1]!) {
          socket.write(byte);
          yieldNow();
        }
      });
      const response = request(server.url);
      expect(response.text()).toBe('hello0123456789');
      expect(response.body.trailers).toEqual({ 'x-sum': '1' });
    });
  });

  it('of random bytes never hang or end the process', async () => {
    // A generator of Lehmer's, so that a failure can be repeated.
    let seed = 42;
    const random = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit;
    const pieces = ['HTTP/1.1 ', '200 OK', '\r\n', '\n', 'Content-Length: ', '5', 'Transfer-Encoding: chunked', ':', ' ', 'hello', '0', '\0', '\x80', ';', 'a'];
    await spawn(() => {
      for (let i = 0; i < 300; i++) {
        let answer = random(2) ? 'HTTP/1.1 200 OK\r\n' : '';
        for (let n = random(20); n > 0; n--) answer += pieces[random(pieces.length)]!;
        const outcome = outcomeOf(answer) as { code?: string; status?: number };
        expect(outcome.code?.startsWith('ERR_HTTP_CLIENT_') ?? outcome.status).toBeTruthy();
      }
    });
  });
});

describe('a connection', () => {
  it.each([
    ['bytes behind the answer', `${ok('x')}garbage`],
    ['a second answer', ok('x') + ok('y')],
    ['Connection: close', ok('x', 'Connection: close\r\n')],
    ['a body to 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello'],
    ['bytes behind the last chunk', `${CHUNKED}0\r\n\r\nHTTP/1.1 200 OK\r\n`],
  ])('is not used again after %s', async (_what, answer) => {
    await spawn(() => {
      using server = saying(answer);
      using client = new Client();
      for (let i = 0; i < 2; i++) client.request(server.url).body.bytes();
      expect(server.accepted).toBe(2);
      expect(client.stats).toEqual({ open: 0, idle: 0, waiting: 0 });
    });
  });

  it('is not used again when bytes come between two answers', async () => {
    await spawn(() => {
      let said = false;
      using server = rawServer((socket) => {
        socket.write(ok('x'));
        if (said) return;
        until(() => client.stats.idle === 1);
        socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n');
        said = true;
      });
      using client = new Client();
      expect(client.request(server.url).text()).toBe('x');
      until(() => said);
      sleep(2);
      expect(client.request(server.url).text()).toBe('x');
      expect(server.accepted).toBe(2);
    });
  });

  it('that the peer resets in the body is told', async () => {
    await spawn(() => {
      using server = rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel');
        sleep(5);
        // Closing with bytes that were not read resets.
        until(() => socket.surplus.length >= 0);
        return false;
      });
      using client = new Client();
      const error = thrown(() => client.request(server.url).text());
      expect(['ERR_HTTP_CLIENT_TRUNCATED', 'ECONNRESET']).toContain(error.code);
      expect(client.stats.open).toBe(0);
    });
  });
});
