// How requests get to their servers: over TLS, through proxies, and to servers that others have written.
import { execFileSync, spawnSync, spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sleep, spawn, wait } from 'stackful';
import { Client, request } from 'stackful/http/client';

import { temporaryDirectory } from '../../net/peers.js';
import { haveOpenssl, ordinary } from '../../tls/certificates.js';
import { start as serveOurs } from '../helpers.js';
import { thrown, until } from './peers.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function nodeServer(handler: http.RequestListener): Promise<{ server: http.Server; port: number }> {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => { server.close(); server.closeAllConnections(); });
  return { server, port: (server.address() as AddressInfo).port };
}

/** A proxy that is asked with whole URLs and by CONNECT; what it was asked. */
async function proxyServer(): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const note = (incoming: http.IncomingMessage) => asked.push(`${incoming.method!} ${incoming.url!} ${incoming.headers['proxy-authorization'] ?? ''}`.trim());
  const { server, port } = await nodeServer((incoming, outgoing) => {
    note(incoming);
    const { 'proxy-authorization': _own, ...headers } = incoming.headers;
    http.get(incoming.url!, { headers }, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode!, answer.headers)));
  });
  server.on('connect', (incoming, socket: net.Socket) => {
    note(incoming);
    if (incoming.url!.startsWith('refused')) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const [host, to] = incoming.url!.split(':') as [string, string];
    const upstream = net.connect(Number(to), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [upstream, socket]) one.on('error', () => undefined);
  });
  return { port, asked };
}

describe('TLS', () => {
  it.skipIf(!haveOpenssl)('verifies the server, keeps connections and resumes sessions', async () => {
    const server = serveOurs((incoming) => String(incoming.tls!.isSessionReused), { tls: ordinary().server });
    await spawn(() => {
      const origin = `https://localhost:${server.port}`;
      using client = new Client({ origin, tls: { ca: ordinary().authority.cert }, connections: 1 });
      expect([client.request('/').text(), client.request('/').text()]).toEqual(['false', 'false']);
      expect(client.stats.open).toBe(1);
      // Left before its end, so the next one needs a new connection.
      client.request('/', { headers: { Connection: 'close' } }).text();
      until(() => client.stats.open === 0);
      expect(client.request('/').text()).toBe('true');
      expect(thrown(() => request(origin)).code).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/);
    });
  });
});

describe('a proxy', () => {
  it('is asked with whole URLs', async () => {
    const proxy = await proxyServer();
    const { port } = await nodeServer((incoming, outgoing) => outgoing.end(`${incoming.url!} ${incoming.headers.host!}`));
    await spawn(() => {
      using client = new Client({ proxy: `http://me:p%40ss@127.0.0.1:${proxy.port}` });
      const target = `http://127.0.0.1:${port}/a?b`;
      expect(client.request(target).text()).toBe(`/a?b 127.0.0.1:${port}`);
      expect(client.request(target).text()).toBe(`/a?b 127.0.0.1:${port}`);
      expect(client.stats.open).toBe(1);
      const credentials = Buffer.from('me:p@ss').toString('base64');
      expect(proxy.asked).toEqual(Array(2).fill(`GET ${target} Basic ${credentials}`));
    });
  });

  it.skipIf(!haveOpenssl)('passes TLS on', async () => {
    const proxy = await proxyServer();
    const server = serveOurs(() => 'secret', { tls: ordinary().server });
    await spawn(() => {
      using client = new Client({ proxy: `127.0.0.1:${proxy.port}`, tls: { ca: ordinary().authority.cert } });
      for (let i = 0; i < 2; i++) expect(client.request(`https://localhost:${server.port}/`).text()).toBe('secret');
      expect(proxy.asked).toEqual([`CONNECT localhost:${server.port}`]);
      expect(thrown(() => client.request('https://refused:1/')).code).toBe('ERR_HTTP_CLIENT_PROXY');
    });
  });

  it('of the environment is used only where that is asked for, with its exceptions', async () => {
    const proxy = await proxyServer();
    const { port } = await nodeServer((_incoming, outgoing) => outgoing.end('x'));
    process.env.http_proxy = `http://127.0.0.1:${proxy.port}`;
    closing.push(() => { delete process.env.http_proxy; delete process.env.NO_PROXY; });
    await spawn(() => {
      const asked = (target: string, options: object) => {
        using client = new Client(options);
        const before = proxy.asked.length;
        client.request(target).text();
        return proxy.asked.length - before;
      };
      const target = `http://127.0.0.1:${port}/`;
      expect(asked(target, {})).toBe(0);
      expect(asked(target, { proxy: 'environment' })).toBe(1);
      for (const [exceptions, expected] of [
        ['127.0.0.1', 0], ['other, 127.0.0.1', 0], ['*', 0], [`127.0.0.1:${port}`, 0], ['127.0.0.1:1', 1], ['.0.0.1', 0], ['7.0.0.1', 1],
      ] as const) {
        process.env.NO_PROXY = exceptions;
        expect([exceptions, asked(target, { proxy: 'environment' })]).toEqual([exceptions, expected]);
      }
    });
  });

  it('has to be the URL of one', () => {
    for (const proxy of ['socks5://a', 'http://', 5]) expect(thrown(() => new Client({ proxy: proxy as string })).code).toMatch(/^ERR_INVALID_ARG/);
  });
});

it('node:http: bodies, many at a time, connections that it ends', async () => {
  const { server, port } = await nodeServer((incoming, outgoing) => {
    incoming.pipe(outgoing);
  });
  server.keepAliveTimeout = 5;
  await spawn(() => {
    using client = new Client({ origin: `http://127.0.0.1:${port}`, connections: 5 });
    const all = Array.from({ length: 40 }, (_, i) => spawn(() => {
      const body = String(i).repeat(i * 1000);
      for (let n = 0; n < 5; n++) {
        expect(client.request('/', { method: 'PUT', body }).text()).toBe(body);
        sleep(n * 3);
      }
    }));
    for (const one of all) one.join();
  });
});

const haveNginx = spawnSync('nginx', ['-v']).status === 0;
if (!haveNginx) console.log('the test with nginx is skipped: it is not installed');

it.skipIf(!haveNginx)('nginx: files, ranges, gzip, errors, connections that it ends', async () => {
  const directory = temporaryDirectory();
  // Its workers run as another user where the tests run as root.
  chmodSync(directory, 0o755);
  const page = 'a page of text '.repeat(2000);
  writeFileSync(join(directory, 'page.txt'), page);
  const socket = join(directory, 'socket');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`).join(' ');
  writeFileSync(join(directory, 'nginx.conf'), `daemon off; pid ${directory}/pid; error_log stderr error; events {}
    http { access_log off; default_type text/plain; gzip on; ${paths} keepalive_requests 3;
    server { listen unix:${socket}; root ${directory}; client_max_body_size 1k; } }`);
  execFileSync('nginx', ['-t', '-c', join(directory, 'nginx.conf'), '-p', directory], { stdio: 'ignore' });
  const child = start('nginx', ['-c', join(directory, 'nginx.conf'), '-p', directory], { stdio: 'ignore' });
  closing.push(() => { child.kill(); });
  await spawn(() => {
    using client = new Client({ origin: `unix:${socket}`, decompress: true });
    until(() => {
      try {
        return client.request('/page.txt').text() === page;
      } catch {
        return false;
      }
    });
    for (let i = 0; i < 10; i++) expect(client.request('/page.txt').text()).toBe(page);
    expect(client.request('/page.txt', { headers: { Range: 'bytes=2-5' } }).text()).toBe('page');
    expect(client.request('/none').status).toBe(404);
    expect(client.request('/page.txt', { method: 'HEAD' }).text()).toBe('');
    const { headers } = client.request('/page.txt');
    expect(client.request('/page.txt', { headers: { 'If-None-Match': headers.get('etag') } }).status).toBe(304);
    // It answers before it has read the body, and reads no more.
    expect(client.request('/page.txt', { body: Buffer.alloc(5_000_000) }).status).toBe(413);
    child.kill();
    wait(once(child, 'exit'));
    expect(thrown(() => client.request('/page.txt')).code).toMatch(/ECONNREFUSED|ENOENT/);
  });
});
