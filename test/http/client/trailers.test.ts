// Fields behind the body of a request, over both versions.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';
import { open } from 'stackful/fs';
import { Client, request, type RequestOptions } from 'stackful/http/client';

import { start, url } from '../helpers.js';
import { nodeServer } from './http2/peers.js';
import { rawServer, thrown } from './peers.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

const servers: Server[] = [];
afterEach(() => { for (const server of servers.splice(0)) server.close(); });

/** A server of node:http that tells of bodies and trailers: that of this package leaves those of HTTP/1.1 out. */
async function plain(answer: (incoming: IncomingMessage, text: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.setEncoding('latin1').on('data', (piece: string) => (text += piece)).on('end', () => { answer(incoming, text, response); });
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const told = (text: string, fields: object) => ({ length: text.length, start: text.slice(0, 5), fields });

const one = () => plain((incoming, text, response) => { response.end(JSON.stringify(told(text, incoming.trailers))); });
const two = async () => url(start((incoming) => told(incoming.text(), incoming.trailers.toObject()), { http2: true }), '');

describe.each([['HTTP/1.1', false, one], ['HTTP/2', 'prior-knowledge', two]] as const)('over %s', (_, http2, serve) => {
  it('trailers go behind bodies of every kind, and are asked for when the body was sent', async () => {
    const origin = await serve();
    const directory = mkdtempSync(join(tmpdir(), 'stackful-trailers-'));
    writeFileSync(join(directory, 'file'), 'f'.repeat(200_000));
    await spawn(() => {
      using client = new Client({ origin, http2 });
      using file = open(join(directory, 'file'));
      const bodies: [RequestOptions, length: number, start: string][] = [
        [{ body: 'hello' }, 5, 'hello'],
        [{ body: '' }, 0, ''],
        [{ body: Buffer.alloc(150_000, 'b') }, 150_000, 'bbbbb'],
        [{ json: [1, 2] }, 5, '[1,2]'],
        [{ body: file }, 200_000, 'fffff'],
        [{ body: new Blob(['blob']) }, 4, 'blob'],
        [{ body: ['a', '', 'bc'] }, 3, 'abc'],
      ];
      for (const [options, length, begin] of bodies) {
        const trailers = { 'X-Sum': 'a b', 'X-More': ['1', '2'], 'X-Latin': 'ä' };
        const got = client.request('/', { ...options, trailers }).json();
        expect(got).toEqual({ length, start: begin, fields: { 'x-sum': 'a b', 'x-more': '1, 2', 'x-latin': 'ä' } });
      }
      const order: string[] = [];
      const got = client.request('/', {
        body: function* () { for (const piece of ['x', 'y']) { sleep(1); order.push(piece); yield piece; } }(),
        trailers: () => { sleep(1); order.push('trailers'); return { 'X-Sum': order.length }; },
      }).json();
      expect(order).toEqual(['x', 'y', 'trailers']);
      expect(got).toEqual({ length: 2, start: 'xy', fields: { 'x-sum': '3' } });
      expect(client.request('/', { body: 'none', trailers: () => ({}) }).json()).toEqual({ length: 4, start: 'none', fields: {} });
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
    rmSync(directory, { recursive: true });
  });

  it('what their function throws ends the request', async () => {
    const origin = await serve();
    await spawn(() => {
      using client = new Client({ origin, http2 });
      const failing = (trailers: unknown) => thrown(() => client.request('/', { body: 'x', trailers: trailers as RequestOptions['trailers'] }));
      expect(failing(() => { throw new RangeError('mine'); })).toBeInstanceOf(RangeError);
      expect(failing(() => ({ 'X-A': 'b\r\nX-C: d' })).code).toBe('ERR_INVALID_CHAR');
      expect(failing(() => ({ 'Content-Length': 1 })).code).toBe('ERR_HTTP_FORBIDDEN_HEADER');
      expect(failing(() => 7).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(client.request('/', { body: 'x' }).status).toBe(200);
    });
  });
});

describe('trailers', () => {
  it('are lines behind the last chunk, and an object of them is announced', async () => {
    await spawn(() => {
      const bodies: string[] = [];
      using server = rawServer((socket) => {
        let body = '';
        do body += socket.readUntil('\r\n')!.toString('latin1'); while (!body.endsWith('\r\n\r\n'));
        bodies.push(body);
        socket.write(OK);
      });
      request(server.url, { body: 'hello', trailers: { 'X-Sum': 5 } });
      request(server.url, { body: '', trailers: () => ({ 'X-Sum': 0 }), headers: { Trailer: 'X-Sum' } });
      expect(bodies).toEqual(['5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n', '0\r\nX-Sum: 0\r\n\r\n']);
      for (const head of server.heads) {
        expect(head).toMatch(/^POST /);
        expect(head).toContain('\r\nTransfer-Encoding: chunked\r\n');
        expect(head).toContain('\r\nTrailer: X-Sum\r\n');
        expect(head).not.toContain('Content-Length');
      }
    });
  });

  it('reach servers of node:http2', async () => {
    const { url: origin } = await nodeServer((stream) => {
      let trailers = {};
      stream.on('trailers', (fields) => { trailers = { ...fields }; });
      stream.resume().on('end', () => { stream.respond(); stream.end(JSON.stringify(trailers)); });
    });
    await spawn(() => {
      using client = new Client({ origin, http2: 'prior-knowledge' });
      const response = client.request('/', { body: 'abc', trailers: () => ({ 'X-Sum': 'abc' }) });
      expect(response.json()).toMatchObject({ 'x-sum': 'abc' });
    });
  });

  it('come again with a body that is sent again', async () => {
    const origin = await plain((incoming, text, response) => {
      const { method, headers, trailers } = incoming;
      const status = incoming.url === '/again' ? 307 : incoming.url === '/get' ? 303 : 200;
      response.writeHead(status, status === 200 ? {} : { Location: '/' });
      response.end([method, headers.trailer, text, trailers['x-count']].join());
    });
    await spawn(() => {
      let count = 0;
      const options = { body: 'a', headers: { Trailer: 'X-Count' }, trailers: () => ({ 'X-Count': ++count }), redirects: 1 };
      expect(request(`${origin}/again`, options).text()).toBe('POST,X-Count,a,2');
      expect(request(`${origin}/get`, options).text()).toBe('GET,,,');
      expect(count).toBe(3);
    });
  });

  it('are refused where they cannot be sent', async () => {
    await spawn(() => {
      const codeOf = (options: RequestOptions) => thrown(() => request('http://127.0.0.1:1/', options)).code;
      expect(codeOf({ trailers: { a: '1' } })).toBe('ERR_INVALID_ARG_VALUE');
      expect(codeOf({ body: 'x', trailers: { 'Content-Type': 'a/b' } })).toBe('ERR_HTTP_FORBIDDEN_HEADER');
      expect(codeOf({ body: 'x', trailers: { 'Transfer-Encoding': 'chunked' } })).toBe('ERR_HTTP_FORBIDDEN_HEADER');
      expect(codeOf({ body: 'x', trailers: { 'a b': '1' } })).toBe('ERR_INVALID_HTTP_TOKEN');
      expect(codeOf({ body: 'x', trailers: 7 as never })).toBe('ERR_INVALID_ARG_TYPE');
      expect(codeOf({ body: 'x', headers: { Trailer: 'A' } })).toBe('ERR_HTTP_FORBIDDEN_HEADER');
      expect(codeOf({ body: 'x', headers: { 'Content-Length': 1 }, trailers: { a: '1' } })).toBe('ERR_HTTP_CLIENT_BODY_LENGTH');
    });
  });
});
