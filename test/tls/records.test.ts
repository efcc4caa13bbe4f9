// What passes through a connection, in every piece that the wire can bring it in.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type net from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { scope, sleep, spawn, timeout, wait, yieldNow } from 'stackful';
import { open } from 'stackful/fs';
import { connect, listen, type TlsSocket } from 'stackful/tls';

import { temporaryDirectory } from '../net/peers.js';
import { haveOpenssl, ordinary } from './certificates.js';
import { failure, nodeClient, nodeServer, pair, pattern, proxy, received } from './peers.js';

const hash = (...parts: Uint8Array[]) => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
};

const sendAll = (socket: TlsSocket, data: Buffer | string) => {
  socket.write(data);
  socket.end();
};

/** Serves connections by `handler`. */
function server(handler: (socket: TlsSocket) => void, options = {}) {
  const listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server, ...options });
  spawn(() => {
    for (const socket of listener) {
      failure(() => {
        using own = socket;
        handler(own);
      });
    }
  });
  return listener;
}
const echo = (options = {}) => server((socket) => {
  for (const chunk of socket) socket.write(chunk);
  socket.end();
}, options);
const client = (port: number, options = {}) =>
  connect({ host: '127.0.0.1', port, ca: ordinary().authority.cert, ...options });

describe.skipIf(!haveOpenssl)('every split of what is on the wire', () => {
  /** Forwards in pieces whose sizes `size` gives, each in a packet of its own. */
  const splitting = (size: (i: number, toServer: boolean) => number) => (from: net.Socket, to: net.Socket, toServer: boolean) => {
    void (async () => {
      let i = 0;
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        for (let at = 0; at < (chunk as Buffer).length;) {
          const n = size(i++, toServer);
          await new Promise((resolve) => to.write((chunk as Buffer).subarray(at, at + n), resolve));
          await new Promise((resolve) => setImmediate(resolve));
          at += n;
        }
      }
      to.end();
    })().catch(() => undefined);
  };

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('byte by byte, %s', async (maxVersion) => {
    await spawn(() => {
      using listener = echo();
      using slow = proxy(listener.address.port, splitting(() => 1));
      using socket = client(slow.port, { maxVersion });
      for (const length of [1, 5, 100, 3000]) {
        socket.write(pattern(length, length));
        expect(hash(socket.readExactly(length))).toBe(hash(pattern(length, length)));
      }
      socket.end();
      expect(socket.read()).toBeNull();
    });
  });

  it('at each of the first places of a stream, in both directions', async () => {
    await spawn(() => {
      using listener = echo();
      // The first piece has n bytes, the others are whole: handshake messages and their headers are cut everywhere.
      for (let n = 1; n < 400; n += 7) {
        using cut = proxy(listener.address.port, splitting((i) => (i === 0 ? n : i === 1 ? 3 * n : 1e6)));
        using socket = client(cut.port);
        socket.write('hello\n');
        expect(socket.readLine()).toBe('hello');
      }
    });
  });

  it('in odd pieces, with records of every size', async () => {
    await spawn(() => {
      let seed = 17;
      const random = () => 1 + ((seed = (seed * 48271) % 2147483647) % 4000);
      using listener = echo();
      using odd = proxy(listener.address.port, splitting(random));
      using socket = client(odd.port);
      scope((s) => {
        const sent: Buffer[] = [];
        s.spawn(() => {
          for (let i = 0; i < 60; i++) {
            const part = pattern(random() * (i % 7 === 0 ? 20 : 1), i);
            sent.push(part);
            socket.write(part);
          }
          socket.end();
        });
        const back = [...socket];
        expect(hash(...back)).toBe(hash(...sent));
      });
    });
  });
});

describe.skipIf(!haveOpenssl)('large transfers', () => {
  const MIB = 1 << 20;

  it('go both ways at once, between ours', async () => {
    await spawn(() => {
      using both = pair();
      const [there, back] = [pattern(16 * MIB, 3), pattern(12 * MIB + 5, 4)];
      scope((s) => {
        for (const [socket, data] of [[both.client, there], [both.server, back]] as const) {
          s.spawn(() => { sendAll(socket, data); });
        }
        const readings = [both.server, both.client].map((socket) => s.spawn(() => hash(...socket)));
        expect(readings.map((reading) => reading.join())).toEqual([hash(there), hash(back)]);
      });
    });
  });

  it('in many small parts, in one record as far as they fit', async () => {
    await spawn(() => {
      using both = pair();
      const parts = Array.from({ length: 3000 }, (_, i) => pattern(i % 700, i));
      spawn(() => {
        both.client.writev(parts);
        both.client.end();
      });
      expect(hash(...both.server)).toBe(hash(...parts));
    });
  });

  it('with node:tls, which reads slowly', async () => {
    await spawn(() => {
      const data = pattern(8 * MIB, 5);
      let sum: Promise<string> | undefined;
      using peer = nodeServer((socket) => {
        sum = (async () => {
          const parts: Buffer[] = [];
          for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
            parts.push(chunk as Buffer);
            if (parts.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
          }
          socket.end('done');
          return hash(...parts);
        })();
      });
      using socket = client(peer.port);
      socket.write(data);
      socket.end();
      expect(String(socket.read())).toBe('done');
      expect(wait(sum!)).toBe(hash(data));
    });
  });

  it('of files', async () => {
    await spawn(() => {
      const path = join(temporaryDirectory(), 'file');
      const data = pattern(3 * MIB + 11, 6);
      writeFileSync(path, data);
      using both = pair();
      const reading = spawn(() => hash(...both.server));
      const file = open(path);
      expect(both.client.sendFile(file)).toBe(data.length);
      expect(both.client.sendFile(file, 100, 50)).toBe(50);
      expect(both.client.sendFile(file, data.length - 10, 50)).toBe(10);
      file.close();
      both.client.end();
      expect(reading.join()).toBe(hash(data, data.subarray(100, 150), data.subarray(data.length - 10)));
    });
  });

  it('into buffers smaller than a record, with nothing lost in between', async () => {
    await spawn(() => {
      using both = pair();
      const data = pattern(200_000, 7);
      spawn(() => { sendAll(both.client, data); });
      const parts: Buffer[] = [];
      for (let i = 0; ; i++) {
        const part = both.server.read(1 + (i % 997));
        if (!part) break;
        parts.push(part);
        if (i % 20 === 0) sleep(0.1);
      }
      expect(hash(...parts)).toBe(hash(data));
    });
  });
});

describe.skipIf(!haveOpenssl)('the end of a stream', () => {
  it('is announced both ways, and each way by itself', async () => {
    await spawn(() => {
      using both = pair();
      both.client.end();
      expect(both.server.read()).toBeNull();
      both.server.write('still here');
      expect(String(both.client.read())).toBe('still here');
      both.server.close();
      expect(both.client.read()).toBeNull();
      expect(failure(() => { both.client.write('x'); }).join()).toMatchObject({ code: 'EPIPE' });
    });
  });

  it('is announced by close, too', async () => {
    await spawn(() => {
      using both = pair();
      both.client.write('x');
      both.client.close();
      expect([...both.server].map(String)).toEqual(['x']);
    });
  });

  it('is no error when the peer has reset the connection, as without TLS', async () => {
    await spawn(() => {
      using peer = nodeServer(() => undefined);
      let own: net.Socket | undefined;
      using between = proxy(peer.port, (from, to, toServer) => {
        if (toServer) own = from;
        from.pipe(to);
      });
      using socket = client(between.port);
      const gone = once(own!, 'close');
      own!.resetAndDestroy();
      wait(gone);
      socket.end();
      // That the stream was cut off a read tells.
      expect(['ERR_TLS_TRUNCATED', 'ECONNRESET']).toContain(failure(() => socket.read()).join()?.code);
    });
  });

  it('is not announced in the middle of what another coroutine writes', async () => {
    await spawn(() => {
      // Without tickets, which would make the close a reset.
      using both = pair({ maxVersion: 'TLSv1.2' });
      const records = Array.from({ length: 20 }, (_, i) => pattern(16_384, i));
      // It gives way between two of them, though the system would take more.
      let begun = false;
      const writing = failure(() => {
        begun = true;
        both.client.writev(records);
      });
      while (!begun) yieldNow();
      both.client.close();
      expect(writing.join()).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
      let length = 0;
      const error = failure(() => { for (const chunk of both.server) length += chunk.length; }).join();
      expect(length).toBeLessThan(20 * 16_384);
      expect(error).toMatchObject({ code: 'ERR_TLS_TRUNCATED' });
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('without an announcement is an error, again and again (%s)', async (maxVersion) => {
    await spawn(() => {
      using peer = nodeServer((socket) => {
        socket.write('half', () => {
          // Below TLS.
          (socket as unknown as { _parent?: net.Socket })._parent?.destroy();
          (socket as unknown as { _handle: { close: () => void } })._handle?.close();
        });
      }, { maxVersion });
      using cutting = proxy(peer.port, (from, to, toServer) => {
        if (toServer) from.pipe(to, { end: false });
        else from.on('data', (data) => { to.write(data); setTimeout(() => to.end(), 50); });
      });
      using socket = client(cutting.port);
      expect(String(socket.readExactly(4))).toBe('half');
      for (let i = 0; i < 2; i++) {
        expect(failure(() => socket.read()).join()).toMatchObject({ name: 'TlsTruncatedError', code: 'ERR_TLS_TRUNCATED' });
      }
      expect(failure(() => { socket.write('x'); }).join()).toMatchObject({ code: 'ERR_TLS_TRUNCATED' });
    });
  });

  it('comes to node:tls as an end', async () => {
    await spawn(() => {
      using listener = server((socket) => {
        sendAll(socket, 'all of it');
        socket.read();
      });
      const socket = nodeClient(listener.address.port);
      expect(String(wait(received(socket)))).toBe('all of it');
      socket.end();
    });
  });
});

describe.skipIf(!haveOpenssl)('records that were tampered with', () => {
  it('end the connection with an error of OpenSSL', async () => {
    await spawn(() => {
      using listener = echo();
      let tamper = false;
      using between = proxy(listener.address.port, (from, to, toServer) => {
        from.on('data', (data: Buffer) => {
          if (tamper && !toServer) data[data.length - 1]! ^= 1;
          to.write(data);
        });
        from.on('end', () => to.end());
      });
      using socket = client(between.port);
      socket.write('hello\n');
      expect(socket.readLine()).toBe('hello');
      tamper = true;
      socket.write('hello\n');
      for (let i = 0; i < 2; i++) {
        expect(failure(() => socket.readLine()).join()).toMatchObject({
          name: 'TlsError',
          code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
        });
      }
    });
  });
});

describe.skipIf(!haveOpenssl)('keys', () => {
  it('are changed at once: the peer hears of it before the next write', async () => {
    await spawn(() => {
      using peer = nodeServer((socket) => socket.pipe(socket));
      let sent = 0;
      using between = proxy(peer.port, (from, to, toServer) => {
        from.on('data', (data) => {
          if (toServer) sent += data.length;
          to.write(data);
        });
      });
      using socket = client(between.port);
      socket.write('all of the handshake has passed\n');
      socket.readLine();
      const before = sent;
      expect(socket.updateKeys()).toBe(true);
      timeout(5000, () => { while (sent === before) sleep(1); });
      socket.write('new keys\n');
      expect(socket.readLine()).toBe('new keys');
      socket.end();
      expect(socket.updateKeys()).toBe(false);
    });
  });

  it('are changed by either side, in the middle of what is sent', async () => {
    await spawn(() => {
      using both = pair();
      for (let i = 0; i < 20; i++) {
        expect(both.client.updateKeys(i % 2 === 0)).toBe(true);
        if (i % 3 === 0) expect(both.server.updateKeys()).toBe(true);
        both.client.write(pattern(5000, i));
        both.server.write(pattern(300, i));
        expect(hash(both.server.readExactly(5000))).toBe(hash(pattern(5000, i)));
        expect(hash(both.client.readExactly(300))).toBe(hash(pattern(300, i)));
      }
      using old = pair({ maxVersion: 'TLSv1.2' });
      expect(old.client.updateKeys()).toBe(false);
    });
  });
});
