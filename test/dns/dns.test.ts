import dns from 'node:dns';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dump, spawn, timeout, type Coroutine } from 'stackful';
import {
  configure, lookup, lookupService, resolve, resolve4, resolve6, resolveCname, resolveMx, resolveNs, resolvePtr, resolveTlsa, resolveTxt,
  reverse,
} from 'stackful/dns';
import { connect, listen } from 'stackful/net';
import { dnsServer, encodeName, type DnsServer } from '../support/dns_server.js';

const TXT = Buffer.from('\x05hello\x05world');
const answers = {
  'A two.test': { ttl: 7, data: [Buffer.of(192, 0, 2, 1), Buffer.of(192, 0, 2, 2)] },
  'AAAA two.test': { ttl: 9, data: [Buffer.from('20010db8000000000000000000000001', 'hex')] },
  'A short.test': { ttl: 0, data: [Buffer.of(192, 0, 2, 3)] },
  'A other.test': { ttl: 60, data: [Buffer.of(192, 0, 2, 4)] },
  'MX two.test': { data: [Buffer.concat([Buffer.of(0, 10), encodeName('mail.two.test')])] },
  'NS two.test': { data: [encodeName('ns.two.test')] },
  'CNAME www.test': { data: [encodeName('two.test')] },
  'PTR 1.2.0.192.in-addr.arpa': { data: [encodeName('two.test')] },
  'TXT two.test': { data: [TXT] },
  'A broken.test': 2,
};

let server: DnsServer;
const before = dns.getServers();
beforeAll(async () => {
  server = await dnsServer(answers);
  dns.setServers([server.address]);
});
afterAll(() => {
  dns.setServers(before);
  server.close();
});
beforeEach(() => { server.asked.length = 0; });
afterEach(() => {
  configure({ cache: false });
  vi.restoreAllMocks();
});

/** Until all of them wait for that. */
async function parked(all: readonly Coroutine<unknown>[], on: string): Promise<void> {
  while (!all.every(({ parkedOn }) => parkedOn === on)) await new Promise((done) => { setImmediate(done); });
}

/** The outcome of `call` in a coroutine, and of the same call of `node:dns`. */
async function bothSay(call: () => unknown, nodes: () => Promise<unknown>): Promise<void> {
  const outcome = async (begun: PromiseLike<unknown>) => {
    try {
      return { value: await begun };
    } catch (error) {
      const { message, code, errno, syscall, hostname } = error as NodeJS.ErrnoException & { hostname?: string };
      return { message, code, errno, syscall, hostname };
    }
  };
  expect(await outcome(spawn(call))).toEqual(await outcome(nodes()));
}

describe('lookup', () => {
  it.each([
    ['localhost', undefined], ['localhost', { all: true }], ['localhost', { family: 4 }], ['127.0.0.1', {}], ['::1', { all: true }],
    ['localhost', { all: true, order: 'ipv4first' }], ['localhost', { hints: dns.ADDRCONFIG }], ['127.0.0.1', 4], ['no such name', {}],
    ['localhost', { family: 5 }], ['localhost', { hints: 1 << 20 }],
  ])('%s %j: as dns.promises.lookup', async (name, options) => {
    await bothSay(() => lookup(name, options as never), async () => dns.promises.lookup(name, options as never));
  });

  it('asks once for many coroutines, and each gets an answer of its own', async () => {
    let answer: (...args: unknown[]) => void = () => undefined;
    const real = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: unknown, done: typeof answer) => { answer = done; }) as never);
    const all = Array.from({ length: 10_000 }, () => spawn(() => lookup('slow.test', { all: true })));
    await parked(all, 'dns.lookup slow.test');
    answer(null, [{ address: '192.0.2.9', family: 4 }]);
    const [first, ...others] = await Promise.all(all);
    first![0]!.address = 'changed';
    first!.length = 0;
    expect(real).toHaveBeenCalledTimes(1);
    expect(others.every((found) => found.length === 1 && found[0]!.address === '192.0.2.9')).toBe(true);
  });

  it('asks again once the answer has come, or when anything else is asked', async () => {
    const real = vi.spyOn(dns, 'lookup');
    const other = spawn(() => lookup('localhost', 4));
    await spawn(() => lookup('localhost'));
    await other;
    await spawn(() => lookup('localhost'));
    expect(real).toHaveBeenCalledTimes(3);
  });

  it('ends at once when it is interrupted, and the others get their answer', async () => {
    let answer: (...args: unknown[]) => void = () => undefined;
    vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: unknown, done: typeof answer) => { answer = done; }) as never);
    const first = spawn(() => lookup('slow.test'));
    const limited = spawn(() => timeout(5, () => lookup('slow.test')));
    const second = spawn(() => lookup('slow.test'));
    await expect(limited.promise).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(dump()).toContain('parked on dns.lookup slow.test');
    first.cancel();
    await expect(first.promise).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    answer(null, '192.0.2.9', 4);
    expect(await second).toEqual({ address: '192.0.2.9', family: 4 });
  });

  it('takes an answer that comes before the call is over', async () => {
    vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: unknown, done: (...args: unknown[]) => void) => { done(null, '192.0.2.8', 4); }) as never);
    expect(await spawn(() => lookup('fast.test'))).toEqual({ address: '192.0.2.8', family: 4 });
  });

  it('throws errors with the stack of the call, one for each coroutine', async () => {
    const failing = () => spawn(function caller() { return lookup('no such name'); }).promise.catch((error: unknown) => error as Error);
    const [one, other] = await Promise.all([failing(), failing()]);
    expect(one).not.toBe(other);
    expect(one).toMatchObject({ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'no such name', stack: expect.stringContaining('caller') as string });
  });

  it('refuses the main stack before anything is asked, and what it does not know', async () => {
    const real = vi.spyOn(dns, 'lookup');
    expect(() => lookup('localhost')).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }) as Error);
    await expect(spawn(() => lookup('localhost', { famly: 4 } as never)).promise).rejects.toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    const misspelled = { sginal: 1 } as never;
    for (const call of [() => lookupService('127.0.0.1', 22, misspelled), () => resolveMx('two.test', misspelled), () => reverse('127.0.0.1', misspelled)]) {
      await expect(spawn<unknown>(call).promise).rejects.toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    }
    await expect(spawn(() => lookup('')).promise).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(real).not.toHaveBeenCalled();
    for (const bad of [5, 5n, Symbol('name'), null, {}]) {
      await expect(spawn(() => resolveMx(bad as never)).promise).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    }
    await expect(spawn(() => lookup(5 as never)).promise).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await expect(spawn(() => lookup('localhost')).promise).resolves.toBeDefined();
  });

  it('is shared by connect', async () => {
    const listener = await spawn(() => listen({ port: 0, host: 'localhost' }));
    const { port } = listener.address;
    let answer: (...args: unknown[]) => void = () => undefined;
    const asked = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: unknown, done: typeof answer) => { answer = done; }) as never);
    const all = Array.from({ length: 20 }, () => spawn(() => { connect({ host: 'server.test', port }).close(); }));
    await parked(all, 'dns.lookup server.test');
    answer(null, [{ address: listener.address.address, family: 4 }]);
    await Promise.all(all);
    expect(asked).toHaveBeenCalledTimes(1);
    await spawn(() => { listener.close(); });
  });
});

describe('resolve', () => {
  it.each([
    ['resolve4', resolve4, 'two.test'], ['resolve6', resolve6, 'two.test'], ['resolveMx', resolveMx, 'two.test'],
    ['resolveNs', resolveNs, 'two.test'], ['resolveCname', resolveCname, 'www.test'], ['resolveTxt', resolveTxt, 'two.test'],
    ['resolvePtr', resolvePtr, '1.2.0.192.in-addr.arpa'], ['reverse', reverse, '192.0.2.1'], ['reverse', reverse, 'no address'],
    ['resolve4', resolve4, 'absent.test'], ['resolve4', resolve4, 'broken.test'], ['resolve', resolve, 'two.test'],
    ['resolveMx', resolveMx, 5 as never],
  ] as const)('%s: as in node:dns, %#', async (name, own: (subject: string) => unknown, subject) => {
    await bothSay(() => own(subject), async () => (dns.promises[name] as (subject: string) => Promise<unknown>)(subject));
  });

  it('tells TTLs', async () => {
    expect(await spawn(() => resolve4('two.test', { ttl: true }))).toEqual([
      { address: '192.0.2.1', ttl: 7 }, { address: '192.0.2.2', ttl: 7 },
    ]);
    // Node 26 adds the type.
    expect(await spawn(() => resolve('two.test', 'MX'))).toEqual([expect.objectContaining({ exchange: 'mail.two.test', priority: 10 })]);
  });

  it('has the kinds of records of this Node', async () => {
    const has = 'resolveTlsa' in dns;
    await expect(spawn(() => resolveTlsa('absent.test')).promise).rejects.toMatchObject({ code: has ? 'ENOTFOUND' : 'ENOTIMP' });
    await expect(spawn(() => resolve('two.test', 'B' as never)).promise).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('names a service', async () => {
    await bothSay(() => lookupService('127.0.0.1', 22), async () => dns.promises.lookupService('127.0.0.1', 22));
    await bothSay(() => lookupService('127.0.0.1', -1), async () => dns.promises.lookupService('127.0.0.1', -1));
  });

  it('asks once for coroutines that ask at the same time', async () => {
    let answer = () => {};
    server.held = new Promise((done) => { answer = done; });
    const all = Array.from({ length: 100 }, () => spawn(() => resolveMx('two.test')));
    await parked(all, 'dns.resolveMx two.test');
    answer();
    await Promise.all(all);
    expect(server.asked).toEqual(['MX two.test']);
  });
});

describe('the cache', () => {
  const asks = (name: string, options = {}) => spawn(() => resolve4(name, { ttl: true, ...options })).promise;

  it('is off at first', async () => {
    await asks('two.test');
    await asks('two.test');
    expect(server.asked).toEqual(['A two.test', 'A two.test']);
  });

  it('keeps an answer for its TTL, which counts down', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000_000);
    configure({ cache: true });
    expect((await asks('two.test'))[0]!.ttl).toBe(7);
    clock.mockReturnValue(1_004_500);
    expect((await asks('TWO.test')).map(({ ttl }) => ttl)).toEqual([3, 3]);
    expect(server.asked).toEqual(['A two.test']);
    clock.mockReturnValue(1_007_000);
    await asks('two.test');
    expect(server.asked).toEqual(['A two.test', 'A two.test']);
  });

  it('keeps what it gives out apart from what it keeps', async () => {
    configure({ cache: true });
    (await asks('two.test'))[0]!.address = 'changed';
    (await asks('two.test'))[0]!.address = 'changed';
    expect((await asks('two.test'))[0]!.address).toBe('192.0.2.1');
  });

  it('does not keep errors, answers with a TTL of 0, or any longer than maxTtl', async () => {
    configure({ cache: { maxTtl: 2 } });
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000_000);
    for (let i = 0; i < 2; i++) {
      await asks('short.test');
      await asks('absent.test').catch(() => undefined);
      await asks('two.test');
    }
    clock.mockReturnValue(1_002_000);
    await asks('two.test');
    const count = (question: string) => server.asked.filter((asked) => asked === question).length;
    expect([count('A short.test'), count('A absent.test'), count('A two.test')]).toEqual([2, 2, 2]);
  });

  it('forgets the answer kept longest when it is full, and all of them when it is switched off', async () => {
    configure({ cache: { entries: 1 } });
    await asks('two.test');
    await asks('other.test');
    await asks('other.test');
    await asks('two.test');
    expect(server.asked).toEqual(['A two.test', 'A other.test', 'A two.test']);
    configure({ cache: false });
    configure({ cache: true });
    await asks('two.test');
    expect(server.asked).toHaveLength(4);
  });

  it.each([[{ cache: 1 }, 'ERR_INVALID_ARG_TYPE'], [{ cache: { entries: 0 } }, 'ERR_OUT_OF_RANGE'], [{ cash: true }, 'ERR_UNKNOWN_OPTION'],
    [{ cache: { maxTtl: -1 } }, 'ERR_OUT_OF_RANGE'], [{ cache: null }, 'ERR_INVALID_ARG_TYPE']])('refuses %j', (options, code) => {
    expect(() => { configure(options as never); }).toThrow(expect.objectContaining({ code }) as Error);
  });
});
