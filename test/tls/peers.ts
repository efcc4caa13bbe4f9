// Conversations over TLS: ours with ours, and with node:tls on the main stack.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

import { spawn, wait, type Coroutine } from 'stackful';
import { connect, listen, type TlsConnectOptions, type TlsListenOptions, type TlsSocket } from 'stackful/tls';

import { ordinary } from './certificates.js';

/** Two ends of one connection, both ours. */
export interface Pair extends Disposable {
  client: TlsSocket;
  server: TlsSocket;
}

export function pair(ofServer: Partial<TlsListenOptions> = {}, ofClient: Partial<TlsConnectOptions> = {}): Pair {
  const { authority, server: credentials } = ordinary();
  const listener = listen({ host: '127.0.0.1', port: 0, ...credentials, ...ofServer });
  const accepting = spawn(() => {
    const socket = listener.accept();
    socket.handshake();
    return socket;
  });
  try {
    const client = connect({ host: '127.0.0.1', port: listener.address.port, ca: authority.cert, ...ofClient });
    const server = accepting.join();
    return {
      client,
      server,
      [Symbol.dispose]() {
        client.close();
        server.close();
      },
    };
  } catch (error) {
    accepting.cancel();
    void accepting.promise.catch(() => undefined);
    throw error;
  } finally {
    listener.close();
  }
}

/** What comes of a handshake on each side: undefined, or the error. */
export function outcomes(ofServer: Partial<TlsListenOptions>, ofClient: Partial<TlsConnectOptions> = {}): [server: any, client: any] {
  const { authority, server: credentials } = ordinary();
  using listener = listen({ host: '127.0.0.1', port: 0, ...credentials, ...ofServer });
  const accepting = failure(() => {
    using socket = listener.accept();
    socket.handshake();
    socket.read();
  });
  const connecting = failure(() => {
    using socket = connect({ host: '127.0.0.1', port: listener.address.port, ca: authority.cert, ...ofClient });
    socket.end();
    socket.read();
  });
  return [accepting.join(), connecting.join()];
}

/** A coroutine whose result is the error that `fn` throws, or undefined. */
export function failure(fn: () => unknown): Coroutine<any> {
  return spawn(() => {
    try {
      fn();
      return undefined;
    } catch (error) {
      return error;
    }
  });
}

/** A server of node:tls. */
export function nodeServer(
  onConnection: (socket: tls.TLSSocket) => void,
  options: tls.TlsOptions = {},
): Disposable & { port: number; server: tls.Server; errors: Error[] } {
  const errors: Error[] = [];
  const server = tls.createServer({ ...ordinary().server, allowHalfOpen: true, ...options }, (socket) => {
    socket.on('error', (error) => errors.push(error));
    onConnection(socket);
  });
  server.on('tlsClientError', (error) => errors.push(error));
  server.listen(0, '127.0.0.1');
  wait(once(server, 'listening'));
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket));
  return {
    port: (server.address() as net.AddressInfo).port,
    server,
    errors,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A client of node:tls, after its handshake. */
export function nodeClient(port: number, options: tls.ConnectionOptions = {}): tls.TLSSocket {
  const ca = ordinary().authority.cert;
  const open = { port, host: '127.0.0.1', servername: 'localhost', ca, allowHalfOpen: true, ...options };
  const socket = tls.connect(open as tls.ConnectionOptions);
  wait(once(socket, 'secureConnect'));
  socket.on('error', () => undefined);
  return socket;
}

/** Everything that a socket of node receives. */
export async function received(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** Forwards connections to `port`, by `forward` for each direction: pieces of what goes through. */
export function proxy(
  port: number,
  forward: (from: net.Socket, to: net.Socket, toServer: boolean) => void,
): Disposable & { port: number } {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const onward = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, onward]) {
      socket.setNoDelay();
      socket.on('error', () => undefined);
      sockets.add(socket);
    }
    forward(client, onward, true);
    forward(onward, client, false);
  });
  server.listen(0, '127.0.0.1');
  wait(once(server, 'listening'));
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Bytes that differ from place to place. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0, x = seed; i < length; i++) bytes[i] = (x = (x * 1103515245 + 12345) & 0x7fffffff) >> 16;
  return bytes;
}
