import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server as SocketServer } from 'socket.io';
import { io } from 'socket.io-client';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { Channel, current, sleep, spawn } from 'stackful';
import { coroutine } from 'stackful/embed';

it('listens to a WebSocket', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  try {
    await once(server, 'listening');
    server.on('connection', (socket) => {
      // eslint-disable-next-line @typescript-eslint/no-misused-promises -- a failure is an unhandled rejection, as it should be
      socket.on('message', coroutine((data: Buffer) => {
        sleep(1);
        socket.send(`got ${data.toString()} in ${current()!.state}`);
      }));
    });
    const client = new WebSocket(`ws://127.0.0.1:${String((server.address() as { port: number }).port)}`);
    await once(client, 'open');
    client.send('hello');
    expect(String((await once(client, 'message'))[0])).toBe('got hello in running');
    client.close();
  } finally {
    server.close();
  }
});

it('answers, admits and follows the clients of Socket.IO', async () => {
  const http = createServer();
  const server = new SocketServer(http);
  const left = new Channel<string>(1);
  try {
    // A middleware of Socket.IO is told by `next`, which no request stands before.
    server.use((socket, next) => {
      spawn(() => {
        sleep(1);
        if (socket.handshake.auth.token !== 'right') throw new Error('wrong token');
      }).then(() => { next(); }, (error: unknown) => { next(error as Error); });
    });
    server.on('connection', (socket) => {
      const work = spawn(() => {
        try {
          sleep(60_000);
        } finally {
          left.trySend(socket.handshake.auth.token as string);
        }
      });
      socket.on('disconnect', () => { work.cancel('the client has left'); });
       
      socket.on('sum', coroutine((numbers: number[], reply: (sum: number) => void) => {
        sleep(1);
        reply(numbers.reduce((sum, n) => sum + n, 0));
      }));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${String((http.address() as { port: number }).port)}`;

    const stranger = io(url, { auth: { token: 'wrong' }, forceNew: true, reconnection: false });
    const refusal = await new Promise<Error>((resolve) => { stranger.on('connect_error', resolve); });
    expect(refusal.message).toBe('wrong token');

    const client = io(url, { auth: { token: 'right' }, forceNew: true, transports: ['websocket'] });
    expect(await client.timeout(5000).emitWithAck('sum', [1, 2, 3])).toBe(6);
    client.disconnect();
    expect(await spawn(() => left.receive())).toBe('right');
  } finally {
    await server.close();
  }
});
