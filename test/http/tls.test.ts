// HTTP over TLS, asked by node:https and by hand.
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { staticFiles, type Handler, type ServeOptions, type Server } from 'stackful/http';
import { connect, secureContext, type TlsServerOptions } from 'stackful/tls';

import { Authority, haveOpenssl, ordinary } from '../tls/certificates.js';
import { pattern } from '../tls/peers.js';
import { readAll, start } from './helpers.js';
import { temporaryDirectory } from '../net/peers.js';

const agents: https.Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

function secure(handler: Handler, options: ServeOptions & { tls?: TlsServerOptions } = {}) {
  return start(handler, { ...options, tls: { ...ordinary().server, ...options.tls } });
}

interface Answer {
  status: number;
  body: Buffer;
  message: IncomingMessage;
}

function client(server: Server, more: https.AgentOptions = {}) {
  const agent = new https.Agent({ keepAlive: true, ca: ordinary().authority.cert, maxSockets: 1, ...more });
  agents.push(agent);
  return (path: string, options: https.RequestOptions = {}, body?: string | Buffer) =>
    new Promise<Answer>((resolve, reject) => {
      const to = { host: '127.0.0.1', port: server.port, servername: 'localhost', agent, path };
      const request = https.request({ ...to, ...options }, (message) => {
        const parts: Buffer[] = [];
        message.on('data', (part: Buffer) => parts.push(part));
        message.on('end', () => { resolve({ status: message.statusCode!, body: Buffer.concat(parts), message }); });
        message.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
}

/** A connection of node:tls; errors show in what is read. */
async function open(server: Server, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const ca = ordinary().authority.cert;
  const socket = tls.connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca, ...options });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  return socket;
}

describe.skipIf(!haveOpenssl)('serve with tls', () => {
  it('answers many requests on one connection', async () => {
    const remotes = new Set<unknown>();
    const server = secure((request) => {
      remotes.add(request.remotePort);
      return `${request.method} ${request.path}`;
    });
    const ask = client(server);
    for (let i = 0; i < 20; i++) {
      const { status, body } = await ask(`/${i}`);
      expect([status, String(body)]).toEqual([200, `GET /${i}`]);
    }
    expect(remotes.size).toBe(1);
    expect(server.stats.requests).toBe(20);
  });

  it('tells what the handshake found', async () => {
    const server = secure((request) => {
      const { protocol, cipher, servername, alpnProtocol, authorized } = request.tls!;
      return JSON.stringify({ protocol, cipher: cipher.name, servername, alpnProtocol, authorized });
    });
    const { body } = await client(server, { ALPNProtocols: ['http/1.1'] })('/');
    expect(JSON.parse(String(body))).toEqual({
      protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', servername: 'localhost', alpnProtocol: 'http/1.1', authorized: false,
    });
    const plain = start((request) => String(request.tls === undefined));
    expect(await (await fetch(`http://127.0.0.1:${plain.port}/`)).text()).toBe('true');
  });

  it('has its defaults where an option is undefined', async () => {
    const server = secure((request) => String(request.tls!.alpnProtocol), { tls: { ALPNProtocols: undefined } });
    const { body } = await client(server, { ALPNProtocols: ['h2', 'http/1.1'] })('/');
    expect(String(body)).toBe('http/1.1');
  });

  it('knows clients by their certificates', async () => {
    const { authority } = ordinary();
    const asking = { requestCert: true, ca: authority.cert };
    const errors: [string | undefined, string][] = [];
    const onTlsError = (error: unknown, address: string) => { errors.push([(error as NodeJS.ErrnoException).code, address]); };
    const server = secure((request) => String(request.tls!.peerCertificate()!.subject.CN), { tls: asking, onTlsError });
    expect(String((await client(server, authority.issue('somebody'))('/')).body)).toBe('somebody');
    await expect(client(server)('/')).rejects.toThrow();
    await expect(client(server, new Authority('another authority').issue('nobody'))('/')).rejects.toThrow();
    expect(errors.map(([code]) => code)).toEqual(['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
    expect(errors[0]![1]).toBe('127.0.0.1');
  });

  it('chooses certificates by name, in a callback that parks', async () => {
    const other = secureContext(ordinary().authority.issue('other', { names: 'DNS:other.example' }));
    const server = secure((request) => String(request.tls!.servername), {
      tls: { SNICallback: (name) => (sleep(2), name === 'other.example' ? other : undefined) },
    });
    const ask = client(server);
    expect(String((await ask('/', { servername: 'other.example' })).body)).toBe('other.example');
    expect(String((await ask('/')).body)).toBe('localhost');
  });

  it('answers pipelined requests in their order', async () => {
    const server = secure((request) => `<${request.path}>`);
    const socket = await open(server);
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
    const all = paths.map((path, i) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${i === 49 ? 'Connection: close\r\n' : ''}\r\n`);
    const answer = readAll(socket);
    socket.write(all.join(''));
    const text = await answer;
    expect([...text.matchAll(/<(\/\d+)>/g)].map(([, path]) => path)).toEqual(paths);
  });

  it('sends bodies of every size, whole, in parts and from files', async () => {
    const directory = temporaryDirectory();
    const sizes = [0, 1, 1000, 4096, 4097, 8192, 16_384, 16_385, 70_000, 1 << 20, (5 << 20) + 3];
    for (const size of sizes) writeFileSync(join(directory, `f${size}`), pattern(size, size));
    const files = staticFiles(directory);
    const server = secure((request) => {
      const [, kind, size] = /^\/(\w)(\d+)$/.exec(request.path)!;
      const body = pattern(Number(size), Number(size));
      if (kind === 'w') return body;
      if (kind === 'f') return files(request);
      return { body: (function* () { for (let at = 0; at < body.length; at += 10_000) yield body.subarray(at, at + 10_000); })() };
    });
    const ask = client(server);
    for (const kind of ['w', 'p', 'f']) {
      for (const size of sizes) {
        const { body } = await ask(`/${kind}${size}`);
        expect(body.equals(pattern(size, size)), `${kind}${size}`).toBe(true);
      }
    }
    const { status, body } = await ask(`/f${1 << 20}`, { headers: { Range: 'bytes=1000-70000' } });
    expect(status).toBe(206);
    expect(body.equals(pattern(1 << 20, 1 << 20).subarray(1000, 70_001))).toBe(true);
  });

  it('takes big uploads, of known and of unknown length', async () => {
    const data = pattern(6 << 20, 8);
    const server = secure((request) => String(request.readBody(1 << 24).equals(data)));
    const ask = client(server);
    expect(String((await ask('/', { method: 'POST', headers: { 'Content-Length': data.length } }, data)).body)).toBe('true');
    expect(String((await ask('/', { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } }, data)).body)).toBe('true');
    expect(String((await ask('/', { method: 'POST', headers: { Expect: '100-continue' } }, data)).body)).toBe('true');
  });

  it('waits for a client that reads slowly, longer than one that does not read at all', async () => {
    const big = pattern(24 << 20, 5);
    const limits = { sendMs: 400, slowestBytesPerSecond: 1024 };
    const server = secure(() => big, { limits });
    const slow = await open(server);
    let got = 0;
    const done = new Promise<void>((resolve) => {
      slow.on('data', (part: Buffer) => {
        got += part.length;
        slow.pause();
        setTimeout(() => slow.resume(), 1);
      }).on('close', resolve);
    });
    slow.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const stuck = await open(server);
    stuck.pause();
    stuck.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await done;
    expect(got).toBeGreaterThan(big.length);
    while (server.stats.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stuck.destroy();
  });

  it('announces the end of a connection that it closes', async () => {
    const server = secure(() => 'bye');
    const socket = await open(server);
    let ended = false;
    socket.on('end', () => (ended = true));
    const answer = readAll(socket);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await answer).toContain('bye');
    expect(ended).toBe(true);
  });

  it('announces the end of idle connections when it is closed', async () => {
    const server = secure(() => 'hello');
    const client = await spawn(() => {
      const socket = connect({ host: '127.0.0.1', port: server.port, ca: ordinary().authority.cert });
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(String(socket.read())).toContain('hello');
      return socket;
    });
    await server.close();
    expect(await spawn(() => client.read())).toBeNull();
    client.close();
  });

  it('cancels the handler of a client that has left', async () => {
    let reason: unknown;
    const server = secure((request) => {
      try {
        for (;;) sleep(5);
      } finally {
        reason = request.signal.reason;
      }
    });
    const below = net.connect(server.port, '127.0.0.1').on('error', () => undefined);
    const socket = await open(server, { socket: below });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    while (server.stats.requests === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setTimeout(resolve, 10));
    below.resetAndDestroy();
    while (server.stats.connections > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(reason === undefined || (reason as NodeJS.ErrnoException).code === 'ERR_HTTP_CLIENT_LEFT').toBe(true);
  });

  it('is not held up by handshakes that do not end, and forgets them when it closes', async () => {
    const errors: unknown[] = [];
    const server = secure(() => 'hello', { tls: { handshakeTimeout: 100 }, onTlsError: (error) => errors.push(error) });
    const silent = Array.from({ length: 20 }, () => net.connect(server.port, '127.0.0.1').on('error', () => undefined));
    expect(String((await client(server)('/')).body)).toBe('hello');
    while (errors.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(errors).toEqual(Array.from({ length: 20 }, () => expect.objectContaining({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }) as unknown));
    const late = net.connect(server.port, '127.0.0.1').on('error', () => undefined);
    while (server.stats.accepted < 22) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.close({ deadline: 10 });
    for (const socket of [...silent, late]) socket.destroy();
  });

  it('waits for no handshake when it closes', async () => {
    const server = secure(() => 'hello');
    const silent = net.connect(server.port, '127.0.0.1').on('error', () => undefined);
    while (server.stats.accepted < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.close();
    silent.destroy();
  });

  it('answers plain HTTP on its port with nothing', async () => {
    const codes: unknown[] = [];
    const server = secure(() => 'hello', { onTlsError: (error) => codes.push((error as NodeJS.ErrnoException).code) });
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow();
    expect(codes).toEqual(['ERR_SSL_HTTP_REQUEST']);
  });

  it('refuses options that are wrong', async () => {
    expect(() => start(() => '', { tls: { certs: [] } as never })).toThrowError(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => start(() => '', { onTlsError: 1 as never })).toThrowError(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    await spawn(() => undefined);
  });
});
