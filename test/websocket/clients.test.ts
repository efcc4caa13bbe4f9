// Other implementations, as clients and as servers.
import { WebSocket as UndiciWebSocket } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import Ws, { WebSocketServer, type ServerOptions } from 'ws';

import { sleep, spawn } from 'stackful';
import { connect } from 'stackful/websocket';

import { start } from '../http/helpers.js';
import { hasBrowser, openBrowser } from '../support/browser.js';
import { echo, served } from './peers.js';

const MESSAGES = ['', 'x', 'grüße 🙂', 'y'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_536), 'ü'.repeat(300_000), Buffer.alloc(0), Buffer.from([0, 255, 128]), Buffer.alloc(700_000, 'bytes')];

const closers: (() => unknown)[] = [];
afterEach(async () => { for (const close of closers.splice(0)) await close(); });

describe('as a server, for', () => {
  it.each([false, true])('ws, compression %s', async (compression) => {
    const server = served(echo, { compression, protocols: ['b'] });
    const client = new Ws(`ws://127.0.0.1:${server.port}/`, ['a', 'b'], { perMessageDeflate: compression && { threshold: 0 } });
    const got: unknown[] = [];
    client.on('message', (data: Buffer, binary) => got.push(binary ? data : String(data)));
    await new Promise((resolve, reject) => { client.on('open', resolve); client.on('error', reject); });
    expect([client.protocol, client.extensions !== '']).toEqual(['b', compression]);
    for (const message of MESSAGES) client.send(message);
    client.send('frag', { fin: false });
    client.send('ment', { fin: true });
    const pong = new Promise((resolve) => { client.once('pong', (data: Buffer) => { resolve(String(data)); }); });
    client.ping('here');
    expect(await pong).toBe('here');
    while (got.length < MESSAGES.length + 1) await new Promise((resolve) => client.once('message', resolve));
    expect(got).toEqual([...MESSAGES, 'fragment']);
    const closed = new Promise((resolve) => { client.on('close', (code, reason) => { resolve([code, String(reason)]); }); });
    client.close(4000, 'enough');
    expect(await closed).toEqual([4000, '']);
    expect(server.errors).toEqual([]);
  });

  it.each([false, true])("undici's WebSocket, which is Node's, compression %s", async (compression) => {
    const server = served(echo, { compression: compression && { threshold: 0 } });
    const client = new UndiciWebSocket(`ws://127.0.0.1:${server.port}/`);
    client.binaryType = 'arraybuffer';
    const got: unknown[] = [];
    client.addEventListener('message', ({ data }) => got.push(typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer)));
    await new Promise((resolve) => { client.addEventListener('open', resolve); });
    expect(client.extensions).toBe(compression ? 'permessage-deflate; server_no_context_takeover; client_no_context_takeover' : '');
    for (const message of MESSAGES) client.send(message);
    while (got.length < MESSAGES.length) await new Promise((resolve) => { client.addEventListener('message', resolve, { once: true }); });
    expect(got).toEqual(MESSAGES);
    const closed = new Promise<{ code: number; wasClean: boolean }>((resolve) => { client.addEventListener('close', resolve); });
    client.close(4000, 'enough');
    expect(await closed).toMatchObject({ code: 4000, wasClean: true });
  });

  it.skipIf(!hasBrowser)('Chromium (skipped where it is missing)', async () => {
    const page = `<!doctype html><title>t</title><body><script>
      const socket = new WebSocket('ws://' + location.host + '/socket', ['x', 'echo']);
      const sent = ['a', 'grüße 🙂', 'z'.repeat(100000)], got = [];
      socket.onopen = () => sent.forEach((text) => socket.send(text));
      socket.onmessage = ({ data }) => {
        got.push(data);
        if (got.length === sent.length) socket.close(4321, 'bye');
      };
      socket.onclose = ({ code, wasClean }) => {
        document.body.textContent = ['got', sent.join() === got.join(), socket.protocol, socket.extensions, code, wasClean].join('|');
      };
    </script>`;
    let code: number | undefined;
    const server = start((request) => {
      if (request.path === '/') return { headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: page };
      if (!request.headers.has('upgrade')) return { status: 404, body: '' };
      const socket = request.upgrade({ compression: { threshold: 100 }, protocols: ['echo'] });
      echo(socket);
      code = socket.closeCode;
      return undefined;
    });
    const browser = await openBrowser();
    try {
      await browser.page.goto(`http://127.0.0.1:${String(server.port)}/`);
      const told = 'got|true|echo|permessage-deflate; server_no_context_takeover; client_no_context_takeover|4321|true';
      await browser.page.getByText(told).waitFor({ timeout: 100_000 });
      while (code === undefined) await new Promise(setImmediate);
      expect(code).toBe(4321);
    } finally {
      await browser.close();
    }
  });
});

describe('as a client, of ws', () => {
  async function wsServer(options: ServerOptions, onConnection: (socket: Ws) => void): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
    server.on('connection', onConnection);
    closers.push(() => { server.close(); for (const client of server.clients) client.terminate(); });
    await new Promise((resolve) => server.once('listening', resolve));
    return `ws://127.0.0.1:${(server.address() as { port: number }).port}/`;
  }

  it.each([false, true])('compression %s', async (compression) => {
    const url = await wsServer({ perMessageDeflate: compression }, (socket) => {
      socket.on('message', (data, binary) => { socket.send(data, { binary }); });
    });
    await spawn(() => {
      using socket = connect(url, { compression });
      expect(socket.compressed).toBe(compression);
      for (const message of MESSAGES) {
        socket.send(message);
        expect(socket.receive()).toEqual(message);
      }
      const sender = spawn(() => { for (const message of MESSAGES) socket.send(message); });
      for (const message of MESSAGES) expect(socket.receive()).toEqual(message);
      sender.join();
      socket.send(['in ', 'pieces']);
      expect(socket.receive()).toBe('in pieces');
      socket.close(4000, 'enough');
      expect(socket.closeCode).toBe(4000);
    });
  });

  it('hears its close, and its pings', async () => {
    let ponged = '';
    const url = await wsServer({}, (socket) => {
      socket.on('pong', (data: Buffer) => { ponged = String(data); socket.close(4444, 'grüße'); });
      socket.ping('p');
    });
    await spawn(() => {
      const socket = connect(url);
      expect([socket.receive(), socket.closeCode, socket.closeReason]).toEqual([null, 4444, 'grüße']);
    });
    expect(ponged).toBe('p');
  });

  it('hears that it has left', async () => {
    const url = await wsServer({}, (socket) => { socket.terminate(); });
    await spawn(() => {
      const socket = connect(url);
      expect(() => socket.receive()).toThrow(expect.objectContaining({ code: 'ERR_WEBSOCKET_LOST' }));
    });
  });
});

it('a writer waits for a reader that does not read, and goes on with it', async () => {
  const server = served((socket) => {
    const sender = spawn(() => { for (let i = 0; i < 300; i++) socket.send(Buffer.alloc(100_000, i)); });
    while (sender.state !== 'parked') sleep(1);
    expect(socket.receive()).toBe('go on');
    sender.join();
  });
  await spawn(() => {
    using socket = connect(`ws://127.0.0.1:${server.port}/`);
    sleep(20);
    socket.send('go on');
    for (let i = 0; i < 300; i++) expect((socket.receive() as Buffer)[0]).toBe(i % 256);
    expect(socket.receive()).toBe(null);
  });
  expect(server.errors).toEqual([]);
});
