// WebSockets over HTTP/2: over TLS, with Chromium, with the frames of ws, and through proxy.
import { once } from 'node:events';
import { constants, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';

import { proxy } from 'stackful/http';

import { start } from '../http/helpers.js';
import { hasBrowser, openBrowser } from '../support/browser.js';
import { haveOpenssl, ordinary } from '../tls/certificates.js';
import { CLOSE, closing, echo, frame, served, TEXT } from './peers.js';
import { open, overHttp2, ready } from './streams.js';

/** Its types leave these out. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.WritableStream;
  Sender: new (socket: object) => { send(data: string, options: object): void };
};

it("is understood by ws's receiver, compressed, and understands its sender", async () => {
  const server = overHttp2(echo, { compression: { threshold: 10 } });
  const { stream, headers } = await open(await ready(server), { 'sec-websocket-extensions': 'permessage-deflate' });
  expect(headers['sec-websocket-extensions']).toBe('permessage-deflate; server_no_context_takeover; client_no_context_takeover');
  const got: string[] = [];
  // Its extension, in short: each message stands by itself.
  const extension = { decompress: (data: Buffer, _fin: boolean, done: (error: null, data: Buffer) => void) => {
    const message = inflateRawSync(Buffer.concat([data, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH });
    setImmediate(done, null, message);
  } };
  const receiver = new Receiver({ isServer: false, extensions: { 'permessage-deflate': extension } });
  receiver.on('message', (data: Buffer) => got.push(String(data)));
  stream.removeAllListeners('data');
  stream.pipe(receiver);
  // What it needs of a socket.
  const sender = new Sender(Object.assign(stream, { cork: () => undefined, uncork: () => undefined }));
  const messages = ['short', 'long '.repeat(1000), ''];
  for (const message of messages) sender.send(message, { mask: true, binary: false, fin: true, compress: false });
  while (got.length < messages.length) await once(receiver, 'message');
  expect(got).toEqual(messages);
});

describe.skipIf(!haveOpenssl)('over TLS', () => {
  it('a message of a megabyte goes both ways', async () => {
    const server = served(echo, {}, { http2: true, tls: ordinary().server });
    const { client } = await open(await ready(server, { ca: ordinary().authority.cert }));
    const long = 'x'.repeat(1_000_000);
    expect(await client.send(frame(TEXT, long)).next()).toEqual([`text ${long}`]);
    await client.send(frame(CLOSE, closing(1000))).rest();
    expect(server.errors).toEqual([]);
  });

  it.skipIf(!hasBrowser)('Chromium opens it on the connection of its page (skipped where it is missing)', async () => {
    const page = `<!doctype html><title>t</title><body><script>
      const sent = ['a', 'grüße 🙂', 'z'.repeat(100000)], got = [];
      const socket = new WebSocket('wss://' + location.host + '/socket', ['x', 'echo']);
      socket.onopen = () => sent.forEach((text) => socket.send(text));
      socket.onmessage = ({ data }) => {
        got.push(data);
        if (got.length === sent.length) socket.close(4321, 'bye');
      };
      socket.onclose = ({ code, wasClean }) => {
        document.body.textContent = ['got', sent.join() === got.join(), socket.protocol, socket.extensions, code, wasClean].join('|');
      };
    </script>`;
    const seen: unknown[] = [];
    let pagePort: number | undefined;
    const server = start((request) => {
      if (request.path === '/') pagePort = request.remotePort;
      if (request.path === '/') return { headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: page };
      if (request.path !== '/socket') return { status: 404, body: '' };
      seen.push(request.httpVersion, request.remotePort === pagePort);
      const socket = request.upgrade({ compression: { threshold: 100 }, protocols: ['echo'], origins: [`https://127.0.0.1:${String(server.port)}`] });
      echo(socket);
      seen.push(socket.closeCode);
      return undefined;
    }, { http2: true, tls: ordinary().server });
    const browser = await openBrowser({ anyCertificate: true });
    try {
      await browser.page.goto(`https://127.0.0.1:${String(server.port)}/`);
      const told = 'got|true|echo|permessage-deflate; server_no_context_takeover; client_no_context_takeover|4321|true';
      await browser.page.getByText(told).waitFor({ timeout: 100_000 });
      while (seen.length < 3) await new Promise(setImmediate);
      expect(seen).toEqual(['2.0', true, 4321]);
    } finally {
      await browser.close();
    }
    expect(server.errors).toEqual([]);
  });
});

it('proxy passes it on to an upstream of HTTP/1.1', async () => {
  const upstream = served(echo, { protocols: ['b'] });
  const server = start(proxy(`http://127.0.0.1:${upstream.port}`), { http2: true });
  const { client, status, headers } = await open(await ready(server), { 'sec-websocket-protocol': 'b' });
  expect([status, headers['sec-websocket-protocol'], headers['sec-websocket-accept']]).toEqual([200, 'b', undefined]);
  const long = 'long '.repeat(50_000);
  expect(await client.send(frame(TEXT, 'hello'), frame(TEXT, long)).next(2)).toEqual(['text hello', `text ${long}`]);
  expect(await client.send(frame(CLOSE, closing(1000))).rest()).toEqual(['close 1000']);
  await server.close();
  expect([server.errors, upstream.errors]).toEqual([[], []]);
});
