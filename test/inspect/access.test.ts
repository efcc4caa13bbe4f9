import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { inspect, type Inspector } from 'stackful/inspect';
import { isLoopback } from '../../lib/inspect/access.js';

async function ask(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path, headers, method });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let body = '';
  for await (const part of answer) body += String(part);
  return { status: answer.statusCode!, headers: answer.headers, body };
}

describe('who may look', () => {
  let open: Inspector;
  let closed: Inspector;
  beforeAll(() => {
    open = inspect();
    closed = inspect({ token: true });
  });
  afterAll(async () => {
    await open.close();
    await closed.close();
  });
  const status = async (headers: Record<string, string>, method?: string) => (await ask(open.port, '/stats.json', headers, method)).status;

  it('is everybody who can connect to this machine alone, by its address', async () => {
    expect(open).toMatchObject({ token: undefined, url: `http://127.0.0.1:${open.port}/` });
    const hosts = ['rebound.example', 'rebound.example:80', '127.0.0.1.rebound.example', '127.0.0.1', `localhost:${open.port}`, '[::1]:80'];
    expect(await Promise.all(hosts.map((Host) => status({ Host })))).toEqual([403, 403, 403, 200, 200, 200]);
  });

  it('is no page of another site', async () => {
    const own = `http://127.0.0.1:${open.port}`;
    expect(await status({ Origin: own, 'Sec-Fetch-Site': 'same-origin' })).toBe(200);
    expect(await status({ Origin: 'http://evil.example' })).toBe(403);
    expect(await status({ Origin: 'null' })).toBe(403);
    expect(await status({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' })).toBe(403);
    expect(await status({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' })).toBe(200);
    const { headers } = await ask(open.port, '/');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect((await ask(open.port, '/')).body).not.toMatch(/<script>|\son\w+=|style=/);
  });

  it('and asks only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect(await status({}, method)).toBe(405);
    expect(await status({}, 'HEAD')).toBe(200);
  });

  it('has the token, if there is one', async () => {
    const { port, token, url } = closed;
    expect(token).toMatch(/^[\w-]{32}$/);
    expect(url).toBe(`http://127.0.0.1:${port}/?token=${token}`);
    expect((await ask(port, '/stats.json')).status).toBe(401);
    expect((await ask(port, '/page/page.js')).status).toBe(401);
    expect((await ask(port, '/stats.json', { Authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await ask(port, '/stats.json', { Authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await ask(port, '/?token=wrong')).status).toBe(401);
    const sent = await ask(port, `/dump?limit=3&token=${token}`);
    expect(sent).toMatchObject({ status: 303, headers: { location: '/dump?limit=3' } });
    const [cookie] = sent.headers['set-cookie']!;
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    const Cookie = cookie!.split(';')[0]!;
    expect((await ask(port, '/stats.json', { Cookie: `other=1; ${Cookie}` })).status).toBe(200);
    expect((await ask(port, '/stats.json', { Cookie: `${Cookie}x` })).status).toBe(401);
  });

  it('needs one on other addresses, which is printed', async () => {
    const log = console.error;
    const lines: string[] = [];
    console.error = (line: string) => lines.push(line);
    const all = inspect({ host: '0.0.0.0' });
    const given = inspect({ host: '0.0.0.0', token: 'a-token-of-my-own' });
    console.error = log;
    expect(lines[0]).toBe(`stackful: inspector on ${all.url}`);
    expect(all.token).toMatch(/^[\w-]{32}$/);
    expect((await ask(all.port, '/stats.json')).status).toBe(401);
    expect((await ask(given.port, '/stats.json', { Authorization: 'Bearer a-token-of-my-own' })).status).toBe(200);
    await all.close();
    await given.close();
    for (const token of ['short', 'with a space in it all', 7, false]) {
      expect(() => inspect({ token: token as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    }
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost', '', '0.0.0.0', '::', '10.0.0.1'].map(isLoopback)).toEqual([true, true, true, true, false, false, false, false]);
  });
});
