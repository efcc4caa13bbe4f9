import { describe, expect, it } from 'vitest';

import { after, select, sleep, spawn, timeout } from 'stackful';
import { spawn as startChild } from 'stackful/child_process';
import { readable, SocketBrokenError, writable } from 'stackful/net';

import { haveOpenssl } from './certificates.js';
import { failure, pair } from './peers.js';

describe.skipIf(!haveOpenssl)('calls that end early', () => {
  it('a read leaves the connection as it was', async () => {
    await spawn(() => {
      using both = pair();
      expect(failure(() => timeout(5, () => both.client.read())).join()).toMatchObject({ code: 'ERR_TIMEOUT' });
      const reading = failure(() => both.client.read());
      sleep(2);
      expect(reading.parkedOn).toMatch(/^socket\.read fd=/);
      reading.cancel();
      expect(reading.join()).toMatchObject({ code: 'ERR_CANCELLED' });
      both.server.write('x');
      expect(String(both.client.read())).toBe('x');
    });
  });

  it('a write that could not go out whole breaks the socket; reading goes on', async () => {
    await spawn(() => {
      using both = pair();
      const error = failure(() => timeout(20, () => { both.client.write(Buffer.alloc(64 << 20)); })).join();
      expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
      expect(failure(() => { both.client.write('x'); }).join()).toBeInstanceOf(SocketBrokenError);
      both.server.write('to you');
      expect(String(both.client.read())).toBe('to you');
      // What was sent of it arrives, and no end is announced.
      both.client.close();
      const rest = failure(() => { for (const _ of both.server); }).join();
      expect(['ERR_TLS_TRUNCATED', 'ECONNRESET']).toContain(rest.code);
    });
  });

  it('a write of which nothing went out breaks the socket, too, once it is sealed', async () => {
    await spawn(() => {
      using both = pair();
      // Until the kernel takes no more; then the next one has not sent a byte when it is given up.
      const filling = spawn(() => {
        for (;;) both.client.write(Buffer.alloc(1 << 20));
      });
      while (filling.parkedOn?.startsWith('socket.write') !== true) sleep(1);
      sleep(5);
      const waiting = failure(() => { both.client.write('behind it'); });
      sleep(2);
      waiting.cancel();
      expect(waiting.join()).toMatchObject({ code: 'ERR_CANCELLED' });
      // That one had to wait for its turn only: the other goes on.
      expect(filling.state).toBe('parked');
      filling.cancel();
      void filling.promise.catch(() => undefined);
      expect(failure(() => filling.join()).join()).toMatchObject({ code: 'ERR_CANCELLED' });
      expect(failure(() => { both.client.write('x'); }).join()).toBeInstanceOf(SocketBrokenError);
    });
  });

  it('close ends those that are parked', async () => {
    await spawn(() => {
      using both = pair();
      const reading = failure(() => both.client.read());
      const writing = failure(() => { both.client.write(Buffer.alloc(64 << 20)); });
      sleep(5);
      both.client.close();
      expect(reading.join()).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
      expect(writing.join()).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
      expect(both.client.protocol).toBe('TLSv1.3');
      expect(both.client.peerCertificate()).toBeUndefined();
    });
  });
});

it.skipIf(!haveOpenssl)('a child is given no connection that speaks TLS', async () => {
  await spawn(() => {
    using both = pair();
    expect(() => startChild('true', { stdio: [both.client, 'ignore', 'ignore'] })).toThrowError(/speaks TLS/);
    both.client.write('x');
    expect(String(both.server.read())).toBe('x');
  });
});

describe.skipIf(!haveOpenssl)('select', () => {
  it('knows bytes that are decrypted, and none that only belong to TLS', async () => {
    await spawn(() => {
      using both = pair();
      // The tickets of the server are on their way, or there: no bytes for a reader.
      expect(select({ bytes: readable(both.client), late: after(10) }).key).toBe('late');
      both.server.write('ab');
      expect(select({ bytes: readable(both.client), late: after(5000) }).key).toBe('bytes');
      expect(String(both.client.read(1))).toBe('a');
      expect(select({ bytes: readable(both.client), late: after(5000) }).key).toBe('bytes');
      expect(String(both.client.read(1))).toBe('b');
      expect(select({ bytes: readable(both.client), late: after(10) }).key).toBe('late');
      expect(select({ room: writable(both.client), late: after(5000) }).key).toBe('room');
      both.server.end();
      expect(select({ bytes: readable(both.client), late: after(5000) }).key).toBe('bytes');
      expect(both.client.read()).toBeNull();
    });
  });
});
