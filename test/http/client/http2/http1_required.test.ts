// Servers of HTTP/2 that want a request over HTTP/1.1.
import { describe, expect, it } from 'vitest';
import { spawn } from 'stackful';
import { Client } from 'stackful/http/client';

import { haveOpenssl, ordinary } from '../../../tls/certificates.js';
import { rawServer, thrown, type RawServer } from '../peers.js';
import { frame, nodeServer, Type, uint32 } from './peers.js';

const HTTP_1_1_REQUIRED = 13;
const reset = (stream: number): Buffer => frame(Type.reset, 0, stream, uint32(HTTP_1_1_REQUIRED));
const goaway = (): Buffer => frame(Type.goaway, 0, 0, Buffer.concat([uint32(0), uint32(HTTP_1_1_REQUIRED)]));

/** Says `no` to each request over HTTP/2, and sends bodies back over HTTP/1.1. */
const http1Only = (no: (stream: number) => Buffer): RawServer => rawServer((socket, head) => {
  if (!head.startsWith('PRI ')) {
    const body = socket.readExactly(Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0));
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`);
    return true;
  }
  socket.readExactly('SM\r\n\r\n'.length);
  socket.write(frame(Type.settings, 0, 0));
  for (;;) {
    const start = socket.readExactly(9);
    const length = start.readUIntBE(0, 3);
    if (length > 0) socket.readExactly(length);
    if (start[3] === Type.headers) socket.write(no(start.readUInt32BE(5)));
  }
});

describe.each([['RST_STREAM', reset], ['GOAWAY', goaway]])('a server that asks for HTTP/1.1 by %s', (_, no) => {
  it('gets the request over HTTP/1.1', async () => {
    await spawn(() => {
      using server = http1Only(no);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge' });
      expect([client.request('/').httpVersion, client.request('/', {}).httpVersion]).toEqual(['1.1', '1.1']);
      expect(client.request('/', { body: 'abc' }).text()).toBe('abc');
      expect(client.request('/', { body: Buffer.alloc(100_000, 'x') }).text()).toHaveLength(100_000);
      expect(client.stats.waiting).toBe(0);
    });
  });

  it('does not get a body that cannot be sent again', async () => {
    await spawn(() => {
      using server = http1Only(no);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge' });
      const error = thrown(() => client.request('/', { body: function* () { yield 'a'; }() }));
      expect(error.code).toBe('ERR_HTTP_CLIENT_HTTP1_REQUIRED');
      expect(server.heads.every((head) => head.startsWith('PRI '))).toBe(true);
    });
  });
});

it.skipIf(!haveOpenssl)('the same by the handshake of TLS: node:http2 with allowHTTP1', async () => {
  const { url, server } = await nodeServer((stream, headers) => {
    if (headers[':path'] === '/only') stream.close(HTTP_1_1_REQUIRED);
    else { stream.respond(); stream.end('two'); }
  }, true, { allowHTTP1: true });
  server.on('request', (request, response) => { if (request.httpVersion === '1.1') response.end('one'); });
  await spawn(() => {
    using client = new Client({ origin: url, http2: true, tls: { ca: ordinary().authority.cert } });
    const ask = (path: string) => {
      const response = client.request(path);
      return [response.httpVersion, response.text()];
    };
    expect(ask('/')).toEqual(['2.0', 'two']);
    expect(ask('/only')).toEqual(['1.1', 'one']);
    expect(ask('/')).toEqual(['2.0', 'two']);
  });
});
