// Who the client is behind proxies that are named.
import { describe, expect, it } from 'vitest';
import { accessLog, type TrustProxyOptions } from 'stackful/http';

import { ask, get, start } from './helpers.js';

async function addressFor(trustProxy: TrustProxyOptions | undefined, ...lines: string[]): Promise<string> {
  const server = start((request) => request.clientAddress, { host: '127.0.0.1', ...(trustProxy && { trustProxy }) });
  return String((await ask(server, get('/', ...lines))).body);
}

describe('X-Forwarded-For', () => {
  const from = ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'];
  const cases: [what: string, from: string[] | undefined, lines: string[], client: string][] = [
    ['is nothing to a server that trusts nobody', undefined, ['X-Forwarded-For: 192.0.2.1'], '127.0.0.1'],
    ['of others is not believed', ['10.0.0.0/8'], ['X-Forwarded-For: 192.0.2.1'], '127.0.0.1'],
    ['may be missing', from, [], '127.0.0.1'],
    ['of a proxy', from, ['X-Forwarded-For: 192.0.2.1'], '192.0.2.1'],
    ['of several proxies', from, ['X-Forwarded-For: 192.0.2.1, 10.1.2.3, 10.9.9.9'], '192.0.2.1'],
    ['in several lines', from, ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 10.1.2.3'], '192.0.2.1'],
    ['ends at the first that is not trusted', from, ['X-Forwarded-For: 198.51.100.7, 192.0.2.1, 10.1.2.3'], '192.0.2.1'],
    ['of proxies only', from, ['X-Forwarded-For: 10.1.2.3, 10.9.9.9'], '10.1.2.3'],
    ['with ports', from, ['X-Forwarded-For: 192.0.2.1:4711, [2001:db8::1]:80'], '192.0.2.1'],
    ['of IPv6', from, ['X-Forwarded-For: 2001:dead::1, 2001:db8::1'], '2001:dead::1'],
    ['that is no address ends it', from, ['X-Forwarded-For: 192.0.2.1, unknown, 10.1.2.3'], '10.1.2.3'],
    ['that is nothing', from, ['X-Forwarded-For: ,,'], '127.0.0.1'],
    ['with a scope of addresses that nobody has', from, ['X-Forwarded-For: 192.0.2.300'], '127.0.0.1'],
    ['beside Forwarded, which is not asked', from, ['Forwarded: for=192.0.2.1'], '127.0.0.1'],
    ['of more proxies than there are', from, [`X-Forwarded-For: 192.0.2.1${', 10.1.2.3'.repeat(50)}`], '10.1.2.3'],
  ];
  it.each(cases)('%s', async (_, trusted, lines, client) => {
    expect(await addressFor(trusted && { from: trusted }, ...lines)).toBe(client);
  });
});

describe('Forwarded', () => {
  const cases: [value: string, client: string][] = [
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:80";proto=http;by=10.0.0.1 , for=127.0.0.1', '192.0.2.1'],
    ['proto=https;for="[2001:db8::17]:4711"', '2001:db8::17'],
    ['for="a\\",for=192.0.2.9"', '127.0.0.1'],
    ['for=192.0.2.1, for=unknown', '127.0.0.1'],
    ['for=192.0.2.1, proto=http', '127.0.0.1'],
    ['for=192.0.2.1, for=_hidden, for=127.0.0.1', '127.0.0.1'],
    ['for=192.0.2.1, for="127.0.0.1', '127.0.0.1'],
    ['for = 192.0.2.1', '127.0.0.1'],
    [`for=192.0.2.1;${' '.repeat(4000)}x`, '127.0.0.1'],
  ];
  it.each(cases.map(([value, client]) => [value.slice(0, 60), value, client] as const))('%s', async (_, value, client) => {
    expect(await addressFor({ from: ['127.0.0.0/8'], header: 'forwarded' }, `Forwarded: ${value}`)).toBe(client);
  });
});

it('access logs name the client', async () => {
  const lines: string[] = [];
  const log = accessLog({ logger: { info: (line: unknown) => { lines.push(JSON.stringify(line)); } } });
  const server = start(log(() => 'x'), { host: '127.0.0.1', trustProxy: { from: ['127.0.0.1'] } });
  await ask(server, get('/', 'X-Forwarded-For: 192.0.2.1'));
  await server.close();
  expect(lines.join('')).toContain('"remoteAddress":"192.0.2.1"');
});

it('refuses options that are wrong', () => {
  const code = (trustProxy: unknown): unknown => {
    try {
      start(() => '', { trustProxy: trustProxy as TrustProxyOptions });
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
    return 'none';
  };
  expect(code(true)).toBe('ERR_INVALID_ARG_TYPE');
  expect(code({})).toBe('ERR_INVALID_ARG_TYPE');
  expect(code({ from: ['proxy.example'] })).toBe('ERR_INVALID_ARG_VALUE');
  expect(code({ from: [], header: 'x-real-ip' })).toBe('ERR_INVALID_ARG_VALUE');
  expect(code({ from: [], hops: 1 })).toBe('ERR_UNKNOWN_OPTION');
});
