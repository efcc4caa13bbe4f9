import { describe, expect, it } from 'vitest';
import { Event, spawn } from 'stackful';
import type { Client } from 'stackful/http/client';

import { until } from '../client/peers.js';
import { start } from '../helpers.js';
import { front, origin } from './front.js';

describe('balance', () => {
  const go = new Event();
  const upstreams = () => ['a', 'b', 'c'].map((name) => origin(start((request) => {
    if (request.path === '/slow') go.wait();
    return name;
  })));

  it('round robin', async () => {
    const urls = upstreams();
    const { client } = front(urls, { balance: 'round-robin' });
    await spawn(() => { expect(Array.from({ length: 6 }, () => client.request('/').text()).join('')).toBe('abcabc'); });
  });

  it('fewest requests under way', async () => {
    const urls = upstreams();
    const { client, handler } = front(urls);
    await spawn(() => {
      const slow = spawn(() => client.request('/slow').text());
      until(() => handler.upstreams.some(({ active }) => active === 1));
      const busy = handler.upstreams.findIndex(({ active }) => active === 1);
      const others = Array.from({ length: 10 }, () => client.request('/').text());
      expect(others).not.toContain('abc'[busy]);
      expect(new Set(others).size).toBe(2);
      go.set();
      slow.join();
    });
  });

  it('consistent hash: the same one each time; when one is gone no other key moves', async () => {
    const urls = upstreams();
    const users = Array.from({ length: 60 }, (_, i) => `user${i}`);
    const ask = (client: Client) => users.map((user) => client.request('/', { headers: { 'X-User': user } }).text());
    await spawn(() => {
      const all = ask(front(urls, { balance: { hash: { header: 'x-user' } } }).client);
      expect(new Set(all).size).toBe(3);
      expect(ask(front(urls, { balance: { hash: { header: 'x-user' } } }).client)).toEqual(all);
      const fewer = ask(front(urls.slice(0, 2), { balance: { hash: { header: 'x-user' } } }).client);
      expect(all.every((name, i) => name === 'c' || fewer[i] === name)).toBe(true);
      const cookies = front(urls, { balance: { hash: { cookie: 'id' } } }).client;
      expect(new Set(users.map((user) => cookies.request('/', { headers: { Cookie: `a=b; id=${user}` } }).text())).size).toBe(3);
      const byAddress = front(urls, { balance: { hash: 'address' } }).client;
      expect(new Set(Array.from({ length: 5 }, () => byAddress.request('/').text())).size).toBe(1);
    });
  });
});
