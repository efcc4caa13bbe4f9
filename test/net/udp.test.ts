import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { Channel, dump, NotInCoroutineError, select, sleep, spawn, timeout, wait, yieldNow } from 'stackful';
import { readable, SocketClosedError, UdpSocket, writable } from 'stackful/net';

import { running } from '../../lib/internal/current.js';
import { runChild } from '../support/child.js';
import { failing, pattern, thrown } from './peers.js';

const LOCAL = '127.0.0.1';

/** A socket of node:dgram, bound. */
function nodeSocket(address = LOCAL) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, address);
  wait(once(socket, 'listening'));
  return { socket, port: socket.address().port, [Symbol.dispose]() { socket.close(); } };
}

describe('a UDP socket', () => {
  it('exchanges datagrams with node:dgram, text and bytes, over IPv4 and IPv6', async () => {
    await spawn(() => {
      for (const host of [LOCAL, '::1']) {
        using node = nodeSocket(host);
        using ours = UdpSocket.bind({ host, port: 0 });
        const family = host === LOCAL ? 'IPv4' : 'IPv6';
        expect(ours.address).toEqual({ address: host, family, port: expect.any(Number) });
        const got = once(node.socket, 'message');
        ours.send('grüße', node.port, host);
        const [message, from] = wait(got) as [Buffer, RemoteInfo];
        expect(String(message)).toBe('grüße');
        expect(from).toMatchObject({ address: host, port: ours.address.port });
        node.socket.send(Buffer.from([1, 2, 3]), from.port, host);
        const datagram = ours.receive();
        expect([...datagram.data]).toEqual([1, 2, 3]);
        const { address, port, size, truncated } = datagram;
        expect({ address, port, size, truncated, family: datagram.family }).toEqual({
          address: host, port: node.port, size: 3, truncated: false, family,
        });
        const answer = once(node.socket, 'message');
        ours.send(datagram.data, datagram);
        expect([...(wait(answer)[0] as Buffer)]).toEqual([1, 2, 3]);
      }
    });
  });

  it('keeps the bounds and the order of datagrams, also empty and the largest ones, more than a batch of them', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL, port: 0, recvBufferSize: 4 << 20 });
      using client = new UdpSocket();
      client.connect(server.address.port, LOCAL);
      const sizes = [0, 1, 65_507, 1400, ...Array.from({ length: 40 }, (_, i) => i * 3)];
      for (const size of sizes) client.send(pattern(size));
      for (const size of sizes) expect(server.receive().data.equals(pattern(size))).toBe(true);
      expect(thrown(() => { client.send(pattern(65_508)); })).toMatchObject({ code: 'EMSGSIZE', syscall: 'send' });
    });
  });

  it('sends many at once, to one address or to several', async () => {
    await spawn(() => {
      using one = UdpSocket.bind({ host: LOCAL });
      using two = UdpSocket.bind({ host: LOCAL });
      using sender = new UdpSocket();
      const messages = Array.from({ length: 150 }, (_, i) => ({ data: `m${i}`, port: (i % 2 ? one : two).address.port, host: LOCAL }));
      sender.sendMany(messages);
      for (let i = 0; i < 75; i++) expect(String(one.receive().data)).toBe(`m${2 * i + 1}`);
      for (let i = 0; i < 75; i++) expect(String(two.receive().data)).toBe(`m${2 * i}`);
      sender.connect(one.address.port);
      sender.sendMany([{ data: 'a' }, { data: Buffer.from('b') }]);
      sender.sendMany([]);
      expect(String(one.receive().data) + String(one.receive().data)).toBe('ab');
      const error = thrown(() => { sender.sendMany([{ data: 'c' }, { data: pattern(70_000) }, { data: 'd' }]); });
      expect(error).toMatchObject({ code: 'EMSGSIZE', sent: 1 });
      expect(String(one.receive().data)).toBe('c');
    });
  });

  it('reports ECONNREFUSED when it is connected to where nobody listens', async () => {
    await spawn(() => {
      const gone = UdpSocket.bind({ host: LOCAL });
      const { port } = gone.address;
      gone.close();
      using socket = new UdpSocket();
      socket.connect({ port, host: LOCAL });
      expect(socket.remoteAddress).toEqual({ address: LOCAL, family: 'IPv4', port });
      socket.send('x');
      expect(thrown(() => socket.receive())).toMatchObject({ code: 'ECONNREFUSED', syscall: 'recvmsg' });
      // Reported once.
      expect(thrown(() => timeout(5, () => socket.receive())).code).toBe('ERR_TIMEOUT');
      socket.disconnect();
      expect(socket.remoteAddress).toBeUndefined();
      expect(thrown(() => { socket.disconnect(); }).code).toBe('ERR_SOCKET_DGRAM_NOT_CONNECTED');
      expect(thrown(() => { socket.send('x'); }).code).toBe('ERR_SOCKET_BAD_PORT');
    });
  });

  it('receives into a buffer, and says what did not fit', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL });
      using client = new UdpSocket();
      client.connect(server.address.port);
      client.send('fits');
      client.send('too long');
      const buffer = new Uint8Array(5);
      const first = server.receiveInto(buffer);
      expect([String(first.data), first.size, first.truncated]).toEqual(['fits', 4, false]);
      expect(first.data.buffer).toBe(buffer.buffer);
      const second = server.receiveInto(buffer);
      expect([String(second.data), second.size, second.truncated]).toEqual(['too l', 8, true]);
    });
  });

  it('takes datagrams of IPv4 on an IPv6 socket, and sends them', async () => {
    await spawn(() => {
      using both = UdpSocket.bind({ host: '::' });
      using four = UdpSocket.bind({ host: LOCAL });
      both.send('mapped', four.address.port, LOCAL);
      const datagram = four.receive();
      four.send('back', datagram.port, LOCAL);
      expect(both.receive().address).toBe('::ffff:127.0.0.1');
      using six = new UdpSocket({ family: 6, ipv6Only: true });
      six.bind();
      expect(['ENETUNREACH', 'EINVAL']).toContain(thrown(() => { six.send('x', four.address.port, LOCAL); }).code);
    });
  });

  it('looks names up', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: 'localhost', family: 'IPv4' });
      using client = new UdpSocket();
      client.send('by name', server.address.port, 'localhost');
      expect(String(server.receive().data)).toBe('by name');
      expect(thrown(() => { client.send('x', 1, 'no-such-host.invalid'); }).syscall).toBe('getaddrinfo');
    });
    using socket = new UdpSocket();
    expect(() => { socket.send('x', 1, 'localhost'); }).toThrow(NotInCoroutineError);
  });

  it('is shared: each waiting coroutine gets a datagram, in order of arrival', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL });
      const got = new Channel<string>(10);
      const readers = [0, 1, 2].map((i) => spawn(() => { got.send(`${i}${String(server.receive().data)}`); }));
      while (!readers.every((one) => one.state === 'parked')) sleep(1);
      expect(readers[0]!.parkedOn).toMatch(/^udp\.receive fd=\d+ 127\.0\.0\.1:\d+$/);
      expect(dump()).toContain('udp.receive fd=');
      using client = new UdpSocket();
      client.sendMany(['a', 'b', 'c'].map((data) => ({ data, port: server.address.port })));
      for (const one of readers) one.join();
      expect([got.receive(), got.receive(), got.receive()]).toEqual(['0a', '1b', '2c']);
    });
  });

  it('keeps a datagram for a coroutine that was woken for it and has not run yet', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL });
      using client = new UdpSocket();
      client.connect(server.address.port);
      for (let i = 0; i < 20; i++) {
        const waiting = spawn(() => String(server.receive().data));
        while (waiting.state !== 'parked') yieldNow();
        client.send('a');
        client.send('b');
        // Until the poll that wakes it.
        while (waiting.state === 'parked') yieldNow();
        const own = String(server.receive().data);
        expect([own, timeout(5000, () => waiting.join())].sort()).toEqual(['a', 'b']);
      }
    });
  });

  it('lets no coroutine wait while datagrams that others have received are there', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL, recvBufferSize: 4 << 20 });
      using client = new UdpSocket();
      client.connect(server.address.port);
      client.send('a');
      client.send('b');
      // It has spent its credit, so the other goes first, and receives both.
      const other = spawn(() => String(server.receive().data));
      running[2] = 1;
      expect(String(timeout(5000, () => server.receive()).data)).toBe('b');
      expect(other.join()).toBe('a');
    });
  });

  it('ends early by cancellation, a time limit and a signal, and loses nothing', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL });
      expect(thrown(() => timeout(5, () => server.receive())).code).toBe('ERR_TIMEOUT');
      const controller = new AbortController();
      const reading = failing(() => server.receive({ signal: controller.signal }));
      sleep(1);
      controller.abort(new Error('reason'));
      expect(reading.join().message).toBe('reason');
      const cancelled = failing(() => server.receive());
      sleep(1);
      cancelled.cancel();
      expect(cancelled.join().code).toBe('ERR_CANCELLED');
      using client = new UdpSocket();
      client.send('kept', server.address.port);
      expect(String(server.receive().data)).toBe('kept');
    });
  });

  it('is closed: parked calls and loops end, further calls are refused', async () => {
    await spawn(() => {
      const socket = UdpSocket.bind({ host: LOCAL });
      const parked = failing(() => socket.receive());
      const loop = spawn(() => [...socket].length);
      sleep(1);
      socket.close();
      socket.close();
      expect(parked.join()).toBeInstanceOf(SocketClosedError);
      expect(loop.join()).toBe(0);
      expect(socket.closed).toBe(true);
      const calls: (() => unknown)[] = [
        () => socket.receive(), () => socket.receiveInto(new Uint8Array(1)), () => { socket.send('x', 1); }, () => socket.bind(),
        () => socket.connect(1), () => socket.address, () => { socket.setTTL(1); }, () => { socket.sendMany([{ data: 'x', port: 1 }]); },
      ];
      for (const call of calls) expect(thrown(call).code).toBe('ERR_SOCKET_CLOSED');
    });
  });

  it('is a case of select, also with datagrams that were received together', async () => {
    await spawn(() => {
      using server = UdpSocket.bind({ host: LOCAL });
      using client = new UdpSocket();
      client.connect(server.address.port);
      expect(select({ room: writable(client) }).key).toBe('room');
      client.send('a');
      client.send('b');
      for (const expected of ['a', 'b']) {
        expect(select({ data: readable(server) }).key).toBe('data');
        expect(String(server.receive().data)).toBe(expected);
      }
    });
  });

  it('is a case of select before its first call, and when nothing can come', async () => {
    await spawn(() => {
      using sender = new UdpSocket();
      expect(select({ room: writable(sender) }).key).toBe('room');
      // `receive` would throw.
      expect(select({ data: readable(sender) }).key).toBe('data');
      sender.setTTL(5);
      expect(timeout(5000, () => select({ data: readable(sender) }).key)).toBe('data');
      expect(thrown(() => sender.receive()).code).toBe('ERR_SOCKET_DGRAM_NOT_BOUND');
      sender.close();
      expect(thrown(() => select({ data: readable(sender) })).code).toBe('ERR_SOCKET_CLOSED');
      expect(thrown(() => select({ room: writable(sender) })).code).toBe('ERR_SOCKET_CLOSED');
    });
  });

  it('has options', async () => {
    await spawn(() => {
      using socket = new UdpSocket({ recvBufferSize: 10_000, sendBufferSize: 20_000, broadcast: true, typeOfService: 0x10 });
      expect([socket.getRecvBufferSize(), socket.getSendBufferSize()]).toEqual([20_000, 40_000]);
      socket.setRecvBufferSize(30_000);
      socket.setSendBufferSize(40_000);
      expect([socket.getRecvBufferSize(), socket.getSendBufferSize()]).toEqual([60_000, 80_000]);
      socket.setTTL(5);
      socket.setBroadcast(false);
      expect(thrown(() => { socket.send('x', 9, '255.255.255.255'); }).code).toBe('EACCES');
      expect(thrown(() => { socket.setTTL(0); }).code).toBe('ERR_OUT_OF_RANGE');
      expect(thrown(() => { socket.setBroadcast(1 as never); }).code).toBe('ERR_INVALID_ARG_TYPE');
      using one = new UdpSocket({ reusePort: true }).bind(0, LOCAL);
      using two = new UdpSocket({ reusePort: true }).bind(one.address.port, LOCAL);
      expect(two.address.port).toBe(one.address.port);
      expect(thrown(() => UdpSocket.bind({ port: one.address.port, host: LOCAL }))).toMatchObject({
        code: 'EADDRINUSE', syscall: 'bind', address: LOCAL, port: one.address.port,
      });
    });
  });

  it('joins multicast groups, of one source or of all', async () => {
    await spawn(() => {
      const group = '239.255.17.4';
      using receiver = new UdpSocket({ reuseAddr: true }).bind(0, '0.0.0.0');
      using sender = UdpSocket.bind({ host: LOCAL });
      const { port } = receiver.address;
      for (const networkInterface of [LOCAL, 'lo']) {
        receiver.addMembership(group, networkInterface);
        expect(thrown(() => { receiver.addMembership(group, networkInterface); }).code).toBe('EADDRINUSE');
        sender.setMulticastInterface(networkInterface);
        sender.setMulticastTTL(1);
        sender.setMulticastLoopback(true);
        sender.send(networkInterface, port, group);
        expect(String(timeout(2000, () => receiver.receive()).data)).toBe(networkInterface);
        receiver.dropMembership(group, networkInterface);
      }
      receiver.addSourceSpecificMembership(LOCAL, '232.1.1.1', LOCAL);
      sender.send('source', port, '232.1.1.1');
      expect(String(timeout(2000, () => receiver.receive()).data)).toBe('source');
      receiver.dropSourceSpecificMembership(LOCAL, '232.1.1.1', LOCAL);
      expect(thrown(() => { receiver.addMembership('127.0.0.1x'); })).toMatchObject({ code: 'EINVAL', syscall: 'addMembership' });
      expect(thrown(() => { receiver.dropMembership(group, LOCAL); }).code).toBe('EADDRNOTAVAIL');
      using six = new UdpSocket({ family: 6 }).bind(0);
      six.addMembership('ff02::1:17', 'lo');
      six.dropMembership('ff02::1:17', '::%lo');
      // The system would choose another.
      expect(thrown(() => { six.addMembership('ff02::1:17', LOCAL); }).code).toBe('EINVAL');
      expect(thrown(() => { six.setMulticastInterface(LOCAL); }).code).toBe('EINVAL');
    });
  });

  it.each([
    ['family', { family: 5 as never }, 'ERR_INVALID_ARG_VALUE'],
    ['reuseAddr', { reuseAddr: 1 as never }, 'ERR_INVALID_ARG_TYPE'],
    ['recvBufferSize', { recvBufferSize: -1 }, 'ERR_OUT_OF_RANGE'],
    ['a misspelled one', { reusePorts: true } as never, 'ERR_UNKNOWN_OPTION'],
  ])('refuses a wrong option: %s', (_, options, code) => {
    expect(thrown(() => new UdpSocket(options)).code).toBe(code);
  });

  it('refuses wrong arguments, and calls in the wrong state', async () => {
    await spawn(() => {
      using socket = UdpSocket.bind({ host: LOCAL });
      const port = socket.address.port;
      expect(thrown(() => socket.bind(0)).code).toBe('ERR_SOCKET_ALREADY_BOUND');
      for (const bad of [0, 65536, 1.5, -1, undefined]) expect(thrown(() => { socket.send('x', bad); }).code).toBe('ERR_SOCKET_BAD_PORT');
      expect(thrown(() => { socket.send('x', '1' as never); }).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(thrown(() => { socket.send(1 as never, port); }).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(thrown(() => { socket.send('x', port, 1 as never); }).code).toBe('ERR_INVALID_ARG_TYPE');
      expect(thrown(() => socket.receiveInto([] as never)).code).toBe('ERR_INVALID_ARG_TYPE');
      socket.connect(port, LOCAL);
      expect(thrown(() => socket.connect(port, LOCAL)).code).toBe('ERR_SOCKET_DGRAM_IS_CONNECTED');
      expect(thrown(() => { socket.send('x', port, LOCAL); }).code).toBe('ERR_SOCKET_DGRAM_IS_CONNECTED');
      using unbound = new UdpSocket();
      expect(thrown(() => unbound.receive()).code).toBe('ERR_SOCKET_DGRAM_NOT_BOUND');
    });
    using socket = UdpSocket.bind({ host: LOCAL });
    expect(() => socket.receive()).toThrow(NotInCoroutineError);
    expect(() => { socket.send('x', 1, LOCAL); }).toThrow(NotInCoroutineError);
  });

  it('leaves no descriptor behind, costs a page while it waits, and carries much', async () => {
    const result = await runChild('net_udp.mjs', [], { flags: ['--expose-gc'] });
    expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});
