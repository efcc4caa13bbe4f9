import { describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';

import { rawServer, until } from '../client/peers.js';
import { start } from '../helpers.js';
import { front, origin } from './front.js';

describe('another protocol', () => {
  it('passes bytes both ways', async () => {
    await spawn(() => {
      using upstream = rawServer((socket, head) => {
        expect(head).toMatch(/Connection: Upgrade\r\nUpgrade: echo\r\n/);
        expect(head).toContain('Sec-WebSocket-Key: key\r\n');
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\nSec-WebSocket-Accept: accept\r\n\r\nfirst;');
        for (const chunk of socket) socket.write(chunk);
        return false;
      });
      const { client, handler } = front(upstream.url, { timeout: 10_000 });
      const response = client.request('/', { upgrade: 'echo', headers: { 'Sec-WebSocket-Key': 'key' } });
      expect([response.status, response.headers.get('sec-websocket-accept')]).toEqual([101, 'accept']);
      using socket = response.socket!;
      expect(String(socket.readExactly(6))).toBe('first;');
      for (const size of [1, 1000, 1_000_000]) {
        const sending = spawn(() => { socket.write(Buffer.alloc(size, 'x')); });
        expect(socket.readExactly(size).length).toBe(size);
        sending.join();
      }
      socket.end();
      expect(socket.read()).toBeNull();
      until(() => handler.upstreams[0]!.active === 0);
    });
  });

  it('that is refused is an answer as others', async () => {
    const upstream = start(() => ({ status: 426, headers: { Upgrade: 'echo' }, body: 'no' }));
    const { client } = front(origin(upstream));
    await spawn(() => {
      const response = client.request('/', { upgrade: 'other' });
      expect([response.status, response.text(), response.socket]).toEqual([426, 'no', undefined]);
    });
  });

  it('ends with either side', async () => {
    await spawn(() => {
      let upstreamSide: { close(): void } | undefined;
      using upstream = rawServer((socket) => {
        upstreamSide = socket;
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
        sleep(60_000);
      });
      const { client, handler } = front(upstream.url);
      const first = client.request('/', { upgrade: 'echo' }).socket!;
      until(() => handler.upstreams[0]!.active === 1);
      first.close();
      upstreamSide!.close();
      until(() => handler.upstreams[0]!.active === 0);
      using second = client.request('/', { upgrade: 'echo' }).socket!;
      upstreamSide!.close();
      expect(second.read()).toBeNull();
      second.close();
      until(() => handler.upstreams[0]!.active === 0);
    });
  });
});
