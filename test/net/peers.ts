// The other side of the conversations: node:net, used from coroutines.
import { once } from 'node:events';
import net from 'node:net';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sleep, spawn, wait, type Coroutine } from 'stackful';
import { connect, listen, type Listener, type Socket } from 'stackful/net';

/** A server of node:net, listening; ends with `close`, which also ends its connections. */
export interface NodeServer extends Disposable {
  readonly port: number;
  readonly connections: net.Socket[];
}

export function nodeServer(
  onConnection: (socket: net.Socket) => void,
  where: net.ListenOptions = {},
): NodeServer {
  const connections: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(where.path === undefined ? { port: 0, host: '127.0.0.1', ...where } : where);
  wait(once(server, 'listening'));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : -1,
    connections,
    [Symbol.dispose]() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

/** A connected client of node:net that does not end by itself. */
export function nodeClient(to: net.NetConnectOpts): net.Socket {
  const socket = net.connect({ allowHalfOpen: true, ...to });
  wait(once(socket, 'connect'));
  socket.on('error', () => undefined);
  return socket;
}

/** Everything a node:net socket receives until its end. */
export function nodeReadAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return once(socket, 'end').then(() => Buffer.concat(chunks));
}

/** Everything a socket of ours receives until its end. */
export function readAll(socket: Socket): Buffer {
  return Buffer.concat([...socket]);
}

/** Two connected sockets of ours. */
export function pair(): { client: Socket; server: Socket; close: () => void } {
  const listener = listen({ port: 0, host: '127.0.0.1' });
  const accepting = spawn(() => listener.accept());
  const client = connect({ port: listener.address.port, host: '127.0.0.1' });
  const server = accepting.join();
  listener.close();
  return {
    client,
    server,
    close() {
      client.close();
      server.close();
    },
  };
}

/** Serves each connection in a coroutine of its own until the listener is closed. */
export function serve(handler: (socket: Socket) => void): Listener {
  const listener = listen({ port: 0, host: '127.0.0.1' });
  spawn(() => {
    for (const socket of listener) {
      spawn(() => {
        try {
          handler(socket);
        } finally {
          socket.close();
        }
      });
    }
  });
  return listener;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'stackful-'));
}

/** What `fn` throws. */
export function thrown(fn: () => unknown): any {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

/** A coroutine that is expected to fail: its result is what `fn` throws. */
export function failing(fn: () => unknown): Coroutine<any> {
  return spawn(() => thrown(fn));
}

/** Bytes that tell their position. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7) & 255;
  return bytes;
}

/** What a node:net server gets from `send`. */
export function sent(send: (socket: Socket) => void): Promise<Buffer> {
  return spawn(() => {
    let received: Promise<Buffer> | undefined;
    using server = nodeServer((socket) => {
      received = nodeReadAll(socket);
    });
    using socket = connect({ port: server.port, host: '127.0.0.1' });
    send(socket);
    socket.end();
    while (!received) sleep(1);
    return wait(received);
  }).then((bytes) => bytes);
}
