// Connections that begin with the header of a proxy: by hand, and by HAProxy.
import { spawn as startProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ProxyProtocolOptions, Server } from 'stackful/http';

import { haveOpenssl, ordinary } from '../tls/certificates.js';
import { start } from './helpers.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2. */
function second(command: number, kind: number, rest: Buffer, length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, kind, length >> 8, length & 255]), rest]);
}
const ipv4 = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0, 80]);
const ipv6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001'.repeat(2), 'hex'), Buffer.from([0x30, 0x39, 0, 80])]);

function serving(options: ProxyProtocolOptions = {}, more: object = {}): { server: Server; errors: string[] } {
  const errors: string[] = [];
  const server = start((request) => `${request.remoteAddress} ${request.remotePort}`, {
    host: '127.0.0.1',
    proxyProtocol: { onError: (error) => { errors.push(`${error.code}: ${error.message}`); }, ...options },
    ...more,
  });
  return { server, errors };
}

/** What is answered to these bytes, up to the end. */
const said = (server: Server, ...pieces: (string | Buffer)[]): Promise<string> => new Promise((resolve) => {
  const socket = net.connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => undefined).on('close', () => { resolve(text); });
  void (async () => {
    for (const piece of pieces) {
      socket.write(piece);
      if (pieces.length > 1) await delay(1);
    }
  })();
});
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

describe('the address of the client', () => {
  const own = /^127\.0\.0\.1 \d+$/;
  const cases: [what: string, header: string | Buffer, expected: string | RegExp][] = [
    ['version 1, IPv4', 'PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\n', '192.0.2.1 12345'],
    ['version 1, the shortest', 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n', '1.1.1.1 1'],
    ['version 1, IPv6', 'PROXY TCP6 2001:DB8:0:0::1 ::1 12345 0\r\n', '2001:db8::1 12345'],
    ['version 1, unknown', 'PROXY UNKNOWN\r\n', own],
    ['version 1, unknown, with addresses', 'PROXY UNKNOWN ffff::1 ::1 65535 65535\r\n', own],
    ['version 2, IPv4', second(0x21, 0x11, ipv4), '192.0.2.1 12345'],
    ['version 2, IPv6', second(0x21, 0x21, ipv6), '2001:db8::1 12345'],
    ['version 2, with additions', second(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([4, 0, 2, 1, 2, 5, 0, 0])])), '192.0.2.1 12345'],
    ['version 2, no address', second(0x21, 0, Buffer.alloc(0)), own],
    ['version 2, a Unix socket', second(0x21, 0x31, Buffer.alloc(216)), own],
    ['version 2, LOCAL', second(0x20, 0, Buffer.alloc(0)), own],
    ['version 2, LOCAL with what is to be skipped', second(0x20, 0x11, Buffer.alloc(2048, 0xff)), own],
  ];
  it.each(cases)('%s', async (_, header, expected) => {
    const { server, errors } = serving();
    const all = Buffer.concat([Buffer.from(header as string, 'latin1'), Buffer.from(GET)]);
    expect(bodyOf(await said(server, all))).toMatch(expected);
    // Byte by byte: nothing of the request is taken with the header.
    expect(bodyOf(await said(server, ...Array.from(all.subarray(0, 300), (byte) => Buffer.from([byte])), all.subarray(300)))).toMatch(expected);
    expect(errors).toEqual([]);
  });
});

describe('refused are', () => {
  const cases: [what: string, bytes: string | Buffer, reason: RegExp][] = [
    ['no header', GET, /does not begin with a PROXY header/],
    ['another family', 'PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n', /malformed/],
    ['lower case', 'proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n', /does not begin/],
    ['an address of the other family', 'PROXY TCP4 ::1 ::1 1 1\r\n', /malformed/],
    ['a scope', 'PROXY TCP6 fe80::1%lo ::1 1 1\r\n', /malformed/],
    ['a name', 'PROXY TCP4 localhost 1.1.1.1 1 1\r\n', /malformed/],
    ['zeros before an address', 'PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n', /malformed/],
    ['a port too high', 'PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n', /malformed/],
    ['zeros before a port', 'PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n', /malformed/],
    ['two blanks', 'PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n', /malformed/],
    ['more words', 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n', /malformed/],
    ['a line feed alone', 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\nGET / HTTP/1.1\r\n', /carriage return/],
    ['a line of 108 bytes', `PROXY UNKNOWN ${'a'.repeat(92)}\r\n`, /more than 107 bytes/],
    ['a line without end', `PROXY UNKNOWN ${'a'.repeat(5000)}`, /more than 107 bytes/],
    ['the end within a line', 'PROXY TCP4 1.1.', /ended/],
    ['another version', second(0x11, 0x11, ipv4), /version 1/],
    ['another command', second(0x22, 0x11, ipv4), /command 2/],
    ['datagrams', second(0x21, 0x12, ipv4), /kind of address 18/],
    ['an unknown family', second(0x21, 0x41, ipv4), /kind of address 65/],
    ['a family without transport', second(0x21, 0x10, ipv4), /kind of address 16/],
    ['addresses cut off', second(0x21, 0x21, ipv4), /shorter than its addresses/],
    ['too much', second(0x20, 0, Buffer.alloc(2049)), /more than 2048 bytes/],
    ['an addition cut off', second(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([4, 0, 9, 1])])), /addition/],
    ['half the head of an addition', second(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([4, 0])])), /addition/],
    ['the end within addresses', second(0x21, 0x11, ipv4.subarray(0, 5), 12), /ended/],
  ];
  it.each(cases)('%s', async (_, bytes, reason) => {
    const { server, errors } = serving();
    const socket = net.connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(bytes);
    await closed;
    expect(text).toBe('');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(reason);
    expect(errors[0]).toMatch(/^ERR_HTTP_PROXY_PROTOCOL: /);
  });

  it('a header that takes too long, and clients that are no proxies', async () => {
    const slow = serving({ headerMs: 20 });
    expect(await said(slow.server, 'PROXY')).toBe('');
    expect(slow.errors).toEqual([expect.stringContaining('within 20 ms')]);
    const header = 'PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\n';
    const elsewhere = serving({ from: ['192.0.2.0/24', '::1'] });
    expect(await said(elsewhere.server, header + GET)).toBe('');
    expect(elsewhere.errors).toEqual([expect.stringContaining('none of the proxies')]);
    const here = serving({ from: ['127.0.0.0/8'] });
    expect(bodyOf(await said(here.server, header + GET))).toBe('192.0.2.1 12345');
  });

  it('options that are wrong', () => {
    const code = (proxyProtocol: unknown): unknown => {
      try {
        serving({}, { proxyProtocol });
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
      return 'none';
    };
    expect(code('yes')).toBe('ERR_INVALID_ARG_TYPE');
    expect(code({ from: '127.0.0.1' })).toBe('ERR_INVALID_ARG_TYPE');
    for (const one of ['localhost', '127.0.0.1/33', '::1/129', '10.0.0.0/', 7]) expect(code({ from: [one] })).toBe('ERR_INVALID_ARG_VALUE');
    expect(code({ headerMs: 0 })).toBe('ERR_OUT_OF_RANGE');
    expect(code({ form: [] })).toBe('ERR_UNKNOWN_OPTION');
  });
});

it('a server that closes does not wait for headers', async () => {
  const { server } = serving({ headerMs: 60_000 });
  const socket = net.connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined).write('PROXY');
  while (server.stats.connections === 0) await delay(1);
  await server.close();
  socket.destroy();
});

it.skipIf(!haveOpenssl)('the header stands before the handshake of TLS', async () => {
  const { server } = serving({}, { tls: ordinary().server });
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write('PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\n');
  const secure = tls.connect({ socket, servername: 'localhost', ca: ordinary().authority.cert });
  let text = '';
  secure.on('data', (chunk: Buffer) => (text += chunk.toString())).write(GET);
  await new Promise((resolve) => secure.once('close', resolve));
  expect(bodyOf(text)).toBe('192.0.2.1 12345');
});

const haproxy = spawnSync('haproxy', ['-v']).status === 0;
if (!haproxy) console.log('the tests behind HAProxy are skipped: it is not installed');

describe.skipIf(!haproxy)('behind HAProxy', () => {
  it.each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id check'])('%s', async (options) => {
    const { server, errors } = serving();
    const directory = mkdtempSync(join(tmpdir(), 'stackful-haproxy-'));
    const probe = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as net.AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    writeFileSync(join(directory, 'haproxy.cfg'), `defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen all
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${server.port} ${options}
`);
    const child = startProcess('haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const ask = () => new Promise<{ port: number | undefined; text: string }>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(GET));
      let text = '';
      let from: number | undefined;
      socket.once('connect', () => { from = socket.localPort; });
      socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined).on('close', () => { resolve({ port: from, text }); });
    });
    let answer = await ask();
    while (answer.text === '' && child.exitCode === null) {
      await delay(20);
      answer = await ask();
    }
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true });
    expect(bodyOf(answer.text)).toBe(`127.0.0.1 ${answer.port}`);
    expect(errors).toEqual([]);
  });
});
