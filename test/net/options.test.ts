import net from 'node:net';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { connect, listen, type SocketOptions } from 'stackful/net';

import { nodeServer, pair, temporaryDirectory, thrown } from './peers.js';

const HOST = '127.0.0.1';
const ALL: SocketOptions = {
  noDelay: false, keepAlive: true, keepAliveInitialDelay: 7000, keepAliveInterval: 3000, keepAliveCount: 4, userTimeout: 12_345,
  notSentLowWater: 16_384, recvBufferSize: 20_000, sendBufferSize: 30_000, typeOfService: 0x10,
};
/** The system doubles the sizes of buffers. */
const EXPECTED = { ...ALL, recvBufferSize: 40_000, sendBufferSize: 60_000 };

describe('options of sockets', () => {
  it('are set by connect, listen and setOptions, over IPv4 and IPv6', async () => {
    await spawn(() => {
      for (const host of [HOST, '::1']) {
        using listener = listen({ port: 0, host, ...ALL });
        using client = connect({ port: listener.address.port, host, ...ALL });
        using server = listener.accept();
        expect(client.getOptions()).toEqual(EXPECTED);
        expect(server.getOptions()).toEqual({ ...EXPECTED, typeOfService: expect.any(Number) });
        client.setOptions({ noDelay: true, keepAliveCount: undefined, typeOfService: 8 });
        expect(client.getOptions()).toEqual({ ...EXPECTED, noDelay: true, typeOfService: 8 });
      }
    });
  });

  it('have the names of node:net, and its calls', async () => {
    await spawn(() => {
      const { client, close } = pair();
      expect(client.getOptions().noDelay).toBe(true);
      expect(client.setNoDelay(false).setKeepAlive(true, 5000, 2000, 3)).toBe(client);
      expect(client.getOptions()).toMatchObject({
        noDelay: false, keepAlive: true, keepAliveInitialDelay: 5000, keepAliveInterval: 2000, keepAliveCount: 3,
      });
      client.setNoDelay().setKeepAlive();
      expect(client.getOptions()).toMatchObject({ noDelay: true, keepAlive: false });
      close();
      expect(thrown(() => client.setNoDelay()).code).toBe('ERR_SOCKET_CLOSED');
    });
  });

  it('of TCP are left out for a Unix socket', async () => {
    await spawn(() => {
      const path = `${temporaryDirectory()}/s`;
      using listener = listen({ path, ...ALL });
      using client = connect({ path, ...ALL });
      expect(client.getOptions()).toEqual({ keepAlive: true, recvBufferSize: 40_000, sendBufferSize: 60_000 });
      using server = listener.accept();
      server.setNoDelay();
    });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ noDelay: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ keepAliveInitialDelay: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ keepAliveCount: 128 }, 'ERR_OUT_OF_RANGE'],
    [{ typeOfService: 256 }, 'ERR_OUT_OF_RANGE'],
    [{ typeOfService: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ sendBufferSize: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ notSentLowWater: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ nodelay: true }, 'ERR_UNKNOWN_OPTION'],
  ])('are refused when they are wrong: %j', async (options, code) => {
    await spawn(() => {
      const { client, close } = pair();
      expect(thrown(() => listen({ port: 0, host: HOST, ...options })).code).toBe(code);
      expect(thrown(() => connect({ port: 1, host: HOST, ...options })).code).toBe(code);
      expect(thrown(() => { client.setOptions(options); }).code).toBe(code);
      close();
    });
  });
});

describe('options of listen', () => {
  it('ipv6Only leaves IPv4 to others', async () => {
    await spawn(() => {
      using six = listen({ port: 0, ipv6Only: true });
      expect(six.address.address).toBe('::');
      const { port } = six.address;
      using four = listen({ port, host: '0.0.0.0' });
      expect(four.address.port).toBe(port);
    });
  });

  it('deferAccept waits for the first bytes', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: HOST, deferAccept: 3000 });
      using client = connect({ port: listener.address.port, host: HOST });
      expect(thrown(() => timeout(30, () => listener.accept())).code).toBe('ERR_TIMEOUT');
      client.write('first');
      using server = listener.accept();
      expect(String(server.read())).toBe('first');
    });
  });

  it('fastOpen, with that of connect, works whether the system allows it or not', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: HOST, fastOpen: 16 });
      for (let i = 0; i < 3; i++) {
        using client = connect({ port: listener.address.port, host: HOST, fastOpen: true });
        client.write('early');
        using server = listener.accept();
        expect(String(server.readExactly(5))).toBe('early');
        server.write('answer');
        expect(String(client.readExactly(6))).toBe('answer');
      }
    });
  });

  it('signal closes the listener', async () => {
    await spawn(() => {
      const controller = new AbortController();
      const listener = listen({ port: 0, host: HOST, signal: controller.signal });
      const loop = spawn(() => [...listener].length);
      sleep(1);
      controller.abort();
      expect(loop.join()).toBe(0);
      expect(listener.closed).toBe(true);
      expect(thrown(() => listen({ port: 0, signal: AbortSignal.abort(new Error('before')) })).message).toBe('before');
    });
  });

  it('blockList closes connections at once', async () => {
    await spawn(() => {
      const blockList = new net.BlockList();
      blockList.addAddress('127.0.0.3');
      using listener = listen({ port: 0, host: HOST, blockList });
      const { port } = listener.address;
      using blocked = connect({ port, host: HOST, localAddress: '127.0.0.3' });
      using allowed = connect({ port, host: HOST, localAddress: '127.0.0.2' });
      using accepted = listener.accept();
      expect(accepted.remoteAddress).toBe('127.0.0.2');
      expect(blocked.read()).toBeNull();
      expect(allowed.closed).toBe(false);
      expect(thrown(() => listen({ port: 0, blockList: [] as never })).code).toBe('ERR_INVALID_ARG_TYPE');
    });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ ipv6Only: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ deferAccept: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ fastOpen: true }, 'ERR_INVALID_ARG_TYPE'],
    [{ readableAll: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ localAddress: HOST }, 'ERR_UNKNOWN_OPTION'],
  ])('are refused when they are wrong: %j', (options, code) => {
    expect(thrown(() => listen({ port: 0, host: HOST, ...options })).code).toBe(code);
  });
});

it('allowHalfOpen: false ends the stream with the peer\'s', async () => {
  await spawn(() => {
    using listener = listen({ port: 0, host: HOST, allowHalfOpen: false });
    const { port } = listener.address;
    for (const read of ['read', 'readLine', 'readInto'] as const) {
      using client = connect({ port, host: HOST });
      using server = listener.accept();
      client.end();
      expect(read === 'readInto' ? server.readInto(new Uint8Array(1)) : server[read]()).toBe(read === 'readInto' ? 0 : null);
      expect(client.read()).toBeNull();
      expect(thrown(() => { server.write('x'); }).code).toBe('EPIPE');
    }
    using client = connect({ port, host: HOST, allowHalfOpen: false });
    using server = listener.accept();
    server.end();
    client.write('still open');
    expect(client.read()).toBeNull();
    expect(String(server.read())).toBe('still open');
    expect(thrown(() => connect({ port, host: HOST, allowHalfOpen: 1 as never })).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('options of connect', () => {
  it('localAddress and localPort choose this end', async () => {
    await spawn(() => {
      using server = nodeServer(() => undefined);
      using first = connect({ port: server.port, host: HOST, localAddress: '127.0.0.9' });
      expect(first.localAddress).toBe('127.0.0.9');
      using free = listen({ port: 0, host: HOST });
      const localPort = free.address.port;
      free.close();
      using second = connect({ port: server.port, host: HOST, localPort });
      expect(second.localPort).toBe(localPort);
      expect(thrown(() => connect({ port: server.port, host: HOST, localAddress: '192.0.2.1' })).code).toBe('EADDRNOTAVAIL');
      expect(thrown(() => connect({ port: server.port, host: HOST, localAddress: '::1' })).syscall).toBe('connect');
    });
  });

  it('blockList refuses addresses', async () => {
    await spawn(() => {
      const blockList = new net.BlockList();
      blockList.addSubnet('127.0.0.0', 8, 'ipv4');
      const error = thrown(() => connect({ port: 1, host: HOST, blockList }));
      expect(error).toMatchObject({ code: 'ERR_IP_BLOCKED', name: 'AddressBlockedError' });
    });
  });

  it('takes an address of IPv6 with its zone', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '::1' });
      using client = connect({ port: listener.address.port, host: '::1%lo' });
      expect(client.remotePort).toBe(listener.address.port);
      expect(thrown(() => connect({ port: 1, host: 'fe80::1%nosuchzone' })).code).toBe('EINVAL');
    });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ localAddress: 'localhost' }, 'ERR_INVALID_IP_ADDRESS'],
    [{ localPort: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ family: 5 }, 'ERR_INVALID_ARG_VALUE'],
    [{ hints: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ lookup: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ autoSelectFamily: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ autoSelectFamilyAttemptTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ fastOpen: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ backlog: 5 }, 'ERR_UNKNOWN_OPTION'],
  ])('are refused when they are wrong: %j', async (options, code) => {
    await spawn(() => { expect(thrown(() => connect({ port: 1, host: HOST, ...options })).code).toBe(code); });
  });
});
