// What TLS runs over, and what of a plain socket does not go through it.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { connect as connectPlain, listen as listenPlain, pipe } from 'stackful/net';
import { connect, listen } from 'stackful/tls';

import { temporaryDirectory } from '../net/peers.js';
import { haveOpenssl, ordinary } from './certificates.js';
import { failure, nodeServer, pair, pattern } from './peers.js';

const hash = (...parts: Uint8Array[]) => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
};

it.skipIf(!haveOpenssl)('descriptors do not go over TLS, not even with bytes that were read ahead', async () => {
  await spawn(() => {
    const path = join(temporaryDirectory(), 'socket');
    using listener = listen({ path, ...ordinary().server });
    const accepting = spawn(() => {
      using socket = listener.accept();
      expect(socket.readLine()).toBe('line');
      const refused = failure(() => socket.receiveDescriptors()).join();
      return [refused, String(socket.read())];
    });
    using socket = connect({ path, ca: ordinary().authority.cert });
    expect(failure(() => { socket.sendDescriptors([0]); }).join()).toMatchObject({ code: 'ENOTSUP', syscall: 'sendmsg' });
    socket.write('line\nrest');
    expect(accepting.join()).toEqual([expect.objectContaining({ code: 'ENOTSUP', syscall: 'recvmsg' }), 'rest']);
  });
});

it.skipIf(!haveOpenssl)('what a pipe cannot pass on stays with the first socket', async () => {
  await spawn(() => {
    using both = pair();
    using other = pair();
    other.client.close();
    failure(() => { for (;;) { other.server.write('x'); sleep(1); } }).join();
    both.client.write('not lost');
    expect(failure(() => pipe(both.server, other.server)).join()).toMatchObject({ bytesPiped: 0 });
    expect(String(timeout(5000, () => both.server.readExactly(8)))).toBe('not lost');
  });
});

it.skipIf(!haveOpenssl)('TLS runs over Unix sockets', async () => {
  await spawn(() => {
    const path = join(temporaryDirectory(), 'socket');
    using listener = listen({ path, ...ordinary().server });
    const accepting = spawn(() => {
      using socket = listener.accept();
      return hash(...socket);
    });
    using socket = connect({ path, ca: ordinary().authority.cert });
    const data = pattern(3 << 20, 9);
    socket.write(data);
    socket.end();
    expect(accepting.join()).toBe(hash(data));
  });
});

it.skipIf(!haveOpenssl)('bytes that came before TLS began are part of it', async () => {
  await spawn(() => {
    using listener = listenPlain({ host: '127.0.0.1', port: 0 });
    using peer = nodeServer((socket) => socket.end('hello'));
    // A greeting in front of everything that the server of TLS sends, in one packet with it where that can be.
    spawn(() => {
      const front = listener.accept();
      const onward = connectPlain({ host: '127.0.0.1', port: peer.port });
      failure(() => { for (const chunk of front) onward.write(chunk); });
      failure(() => { for (const chunk of onward) front.write(chunk); front.end(); });
    });
    using plain = connectPlain({ host: '127.0.0.1', port: listener.address.port });
    using socket = connect({ socket: plain, servername: 'localhost', ca: ordinary().authority.cert });
    expect(String(socket.readExactly(5))).toBe('hello');
  });
});
