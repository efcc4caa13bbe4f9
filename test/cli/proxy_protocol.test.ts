import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';

import { built, cli } from './program.js';

const HEADER = 'PROXY TCP4 192.0.2.1 192.0.2.2 12345 80\r\n';

/** What is answered to a request behind `header`, up to the end of the connection. */
async function asked(port: number, header: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString())).write(`${header}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe.skipIf(!built)('--proxy-protocol (needs dist/)', () => {
  it('of stackful serve: the log names the client, and connections without a header are closed', async () => {
    const { child, shows, ended } = cli(['serve', 'examples/site', '--port', '0', '--proxy-protocol', '--log', '-', '--log-format', 'common']);
    const [, port] = await shows(/on http:\/\/127\.0\.0\.1:(\d+)/);
    expect(await asked(Number(port), HEADER)).toContain('<title>stackful');
    expect(await asked(Number(port), '')).toBe('');
    await shows(/^192\.0\.2\.1 .*"GET \/ HTTP\/1\.1" 200/m);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('of stackful proxy: servers are told of the client', async () => {
    const upstream = createServer((request, response) => { response.end(String(request.headers['x-forwarded-for'])); }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { child, shows, ended } = cli(['proxy', String((upstream.address() as AddressInfo).port), '--port', '0', '--proxy-protocol']);
    const [, port] = await shows(/http:\/\/127\.0\.0\.1:(\d+) on to/);
    expect(await asked(Number(port), HEADER)).toMatch(/\r\n\r\n(?:[0-9a-f]+\r\n)?192\.0\.2\.1/);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
    upstream.close();
    upstream.closeAllConnections();
  });
});
