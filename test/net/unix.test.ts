import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { open } from 'stackful/fs';
import { connect, inheritedListeners, listen, Socket } from 'stackful/net';

import { runChild } from '../support/child.js';
import { failing, pair, temporaryDirectory, thrown } from './peers.js';

const directory = temporaryDirectory();
let names = 0;
const path = (prefix = '') => `${prefix}${join(directory, `s${names++}`)}`;

/** Two connected Unix sockets. */
function unixPair(where = path()) {
  const listener = listen({ path: where });
  const client = connect({ path: where });
  const server = listener.accept();
  listener.close();
  return { client, server, [Symbol.dispose]() { client.close(); server.close(); } };
}

describe('a Unix socket', () => {
  it('may have a name in the abstract namespace, which leaves no file', async () => {
    await spawn(() => {
      const name = path('\0');
      using listener = listen({ path: name });
      expect(listener.address).toEqual({ address: name, family: 'Unix', port: 0 });
      using client = connect({ path: name });
      using accepted = listener.accept();
      client.write('abstract');
      expect(String(accepted.readExactly(8))).toBe('abstract');
      expect(thrown(() => statSync(name.slice(1))).code).toBe('ENOENT');
    });
  });

  it('knows who is at the other end', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const expected = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
      expect(sockets.server.peerCredentials()).toEqual(expected);
      expect(sockets.client.peerCredentials()).toEqual(expected);
      sockets.client.close();
      expect(thrown(() => sockets.client.peerCredentials()).code).toBe('ERR_SOCKET_CLOSED');
    });
  });

  it('can end one direction', async () => {
    await spawn(() => {
      using sockets = unixPair();
      sockets.client.write('question');
      sockets.client.end();
      expect(String(sockets.server.readExactly(8))).toBe('question');
      expect(sockets.server.read()).toBeNull();
      sockets.server.write('answer');
      expect(String(sockets.client.read())).toBe('answer');
    });
  });

  // Only the main thread may change the mask.
  it.skipIf(!isMainThread)('lets everybody connect if it is told to', async () => {
    await spawn(() => {
      for (const [options, bits] of [[{}, 0], [{ readableAll: true }, 0o444], [{ writableAll: true, readableAll: true }, 0o666]] as const) {
        const where = path();
        const mask = process.umask(0o777);
        using listener = listen({ path: where, ...options });
        process.umask(mask);
        expect(statSync(where).mode & 0o777).toBe(bits);
        expect(listener.closed).toBe(false);
      }
    });
  });
});

describe('descriptors', () => {
  it('arrive with the bytes that they were sent with, as copies', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const { client, server } = sockets;
      const name = path();
      writeFileSync(name, 'content');
      const fd = openSync(name, 'r');
      using file = open(name);
      using listener = listen({ host: '127.0.0.1', port: 0 });
      client.sendDescriptors([fd, file, listener, client], 'four');
      closeSync(fd);
      const got = server.receiveDescriptors()!;
      expect(String(got.data)).toBe('four');
      expect(got.descriptors.length).toBe(4);
      const buffer = Buffer.alloc(7);
      readSync(got.descriptors[0]!, buffer, 0, 7, 0);
      expect(String(buffer)).toBe('content');
      expect(fstatSync(got.descriptors[1]!).ino).toBe(statSync(name).ino);
      expect(fstatSync(got.descriptors[3]!).isSocket()).toBe(true);
      // Not for programs that are executed.
      for (const one of got.descriptors) expect(flags(one) & 0o2000000).toBe(0o2000000);
      using other = listen({ fd: got.descriptors[2]! });
      expect(other.address).toEqual(listener.address);
      listener.close();
      using through = connect({ port: other.address.port, host: '127.0.0.1' });
      using accepted = other.accept();
      through.write('x');
      expect(String(accepted.read())).toBe('x');
      for (const i of [0, 1, 3]) closeSync(got.descriptors[i]!);
    });
  });

  it('make a socket again', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const { client: a, server: b } = pair();
      sockets.client.sendDescriptors([b]);
      b.close();
      const { data, descriptors } = sockets.server.receiveDescriptors()!;
      expect([...data]).toEqual([0]);
      using passed = Socket.from(descriptors[0]!);
      a.write('through another process, perhaps\n');
      expect(passed.readLine()).toBe('through another process, perhaps');
      expect(passed.remotePort).toBe(a.localPort);
      passed.end();
      expect(a.read()).toBeNull();
      a.close();
    });
  });

  it('come in order with bytes that were read ahead, and after a wait', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const { client, server } = sockets;
      client.write('line\nrest');
      expect(server.readLine()).toBe('line');
      expect(server.receiveDescriptors()).toEqual({ data: Buffer.from('rest'), descriptors: [] });
      const reading = spawn(() => server.receiveDescriptors());
      sleep(1);
      expect(reading.parkedOn).toMatch(/^socket\.read fd=/);
      client.sendDescriptors([client], 'late');
      const got = reading.join()!;
      expect(String(got.data)).toBe('late');
      closeSync(got.descriptors[0]!);
      const parked = failing(() => timeout(5, () => server.receiveDescriptors()));
      expect(parked.join().code).toBe('ERR_TIMEOUT');
      client.end();
      expect(server.receiveDescriptors()).toBeNull();
    });
  });

  it('are at their end with the stream, which ends on this side, too, if it may not stay half open', async () => {
    await spawn(() => {
      const where = path();
      using listener = listen({ path: where, allowHalfOpen: false });
      using client = connect({ path: where });
      using server = listener.accept();
      client.end();
      expect(server.receiveDescriptors()).toBeNull();
      expect(timeout(5000, () => client.read())).toBeNull();
    });
  });

  it('travel with large data', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const large = Buffer.alloc(1 << 20, 'large');
      const sending = spawn(() => { sockets.client.sendDescriptors([0], large); });
      const first = sockets.server.receiveDescriptors()!;
      expect(first.descriptors.length).toBe(1);
      closeSync(first.descriptors[0]!);
      const rest = sockets.server.readExactly(large.length - first.data.length);
      sending.join();
      expect(Buffer.concat([first.data, rest]).equals(large)).toBe(true);
    });
  });

  it('are refused where they are none, or too many', async () => {
    await spawn(() => {
      using sockets = unixPair();
      const { client, server } = sockets;
      const codes = (list: unknown, data?: unknown) => thrown(() => { client.sendDescriptors(list as never, data as never); }).code;
      expect(codes([])).toBe('ERR_INVALID_ARG_VALUE');
      expect(codes(Array.from({ length: 254 }, () => 0))).toBe('ERR_INVALID_ARG_VALUE');
      expect(codes(0)).toBe('ERR_INVALID_ARG_TYPE');
      expect(codes(['0'])).toBe('ERR_INVALID_ARG_TYPE');
      expect(codes([-1])).toBe('ERR_OUT_OF_RANGE');
      expect(codes([0], '')).toBe('ERR_INVALID_ARG_VALUE');
      expect(codes([0], 1)).toBe('ERR_INVALID_ARG_TYPE');
      expect(codes([98_765])).toBe('EBADF');
      const closed = listen({ path: path() });
      closed.close();
      expect(closed.fd).toBe(-1);
      expect(codes([closed])).toBe('ERR_INVALID_ARG_VALUE');
      client.sendDescriptors(Array.from({ length: 253 }, () => 0));
      const got = server.receiveDescriptors()!;
      expect(got.descriptors.length).toBe(253);
      got.descriptors.forEach((fd) => { closeSync(fd); });
      const tcp = pair();
      expect(thrown(() => { tcp.client.sendDescriptors([0]); })).toMatchObject({ code: 'ENOTSUP', syscall: 'sendmsg' });
      tcp.close();
    });
  });

  it('that this process has no room for are an error, and the bytes stay', async () => {
    const result = await runChild('net_descriptors_lost.mjs');
    expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});

function flags(fd: number): number {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  return parseInt(/flags:\s*(\d+)/.exec(text)![1]!, 8);
}

describe('an inherited descriptor', () => {
  it('is listened on when it listens already', async () => {
    await spawn(() => {
      const where = path();
      const server = net.createServer().listen(where);
      while (!server.listening) sleep(1);
      const fd = (server as unknown as { _handle: { fd: number } })._handle.fd;
      using adopted = listen({ fd: duplicate(fd) });
      expect(adopted.address.address).toBe(where);
      expect(adopted.fd).toBeGreaterThan(2);
      // Who made the socket removes its file.
      adopted.close();
      expect(statSync(where).isSocket()).toBe(true);
      server.close();
    });
  });

  it('is refused, and left alone, when it is something else', async () => {
    await spawn(() => {
      const file = openSync(process.execPath, 'r');
      expect(thrown(() => listen({ fd: file }))).toMatchObject({ code: 'ENOTSOCK', syscall: 'listen' });
      expect(thrown(() => Socket.from(file)).code).toBe('ENOTSOCK');
      closeSync(file);
      const { client, close } = pair();
      expect(thrown(() => listen({ fd: client.fd })).code).toBe('EINVAL');
      using listener = listen({ path: path() });
      expect(thrown(() => Socket.from(listener.fd)).code).toBe('EINVAL');
      expect(thrown(() => listen({ fd: 98_765 })).code).toBe('EBADF');
      expect(thrown(() => listen({ fd: -1 })).code).toBe('ERR_OUT_OF_RANGE');
      expect(thrown(() => listen({ fd: 3, port: 0 })).code).toBe('ERR_UNKNOWN_OPTION');
      close();
    });
  });

  it('comes from systemd by environment variables, which are removed', async () => {
    expect(inheritedListeners()).toEqual([]);
    const result = await runChild('net_inherited.mjs');
    expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});

/** A copy of a descriptor, by sending it to ourselves. */
function duplicate(fd: number): number {
  using sockets = unixPair();
  sockets.client.sendDescriptors([fd]);
  return sockets.server.receiveDescriptors()!.descriptors[0]!;
}

